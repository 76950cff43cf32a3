// Attention: whatever stands around its two products, the fused step gives what the operators one by one give.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "octet/runtime/session.h"
#include "octet/runtime/test_graphs.h"

namespace octet::runtime {
namespace {

using testing::Builder;
using testing::ints;

Attributes axis(std::int64_t value) {
  Attributes a;
  a.set("axis", value);
  return a;
}

struct Case {
  std::int64_t batch = 1, heads = 2, queries = 5, keys = 7, depth = 4, width = 6;
  enum class Scale { none, on_keys, on_scores, divided } scale = Scale::none;
  enum class Mask { none, of_keys, full } mask = Mask::none;
};

// Heads lie behind the sequence, as exporters leave them.
Graph attention(const Case& c, std::uint64_t seed, const std::string& free_batch = {}) {
  Builder b(seed);
  const Dim batch = free_batch.empty() ? Dim(c.batch) : Dim(free_batch);
  const auto heads = [&](const char* name, std::int64_t length, std::int64_t depth, Attributes perm) {
    return b.node("Transpose", {b.input(name, {batch, length, c.heads, depth})}, std::move(perm));
  };
  const ValueId q = heads("q", c.queries, c.depth, ints({{"perm", {0, 2, 1, 3}}}));
  ValueId k = heads("k", c.keys, c.depth, ints({{"perm", {0, 2, 3, 1}}}));
  const ValueId v = heads("v", c.keys, c.width, ints({{"perm", {0, 2, 1, 3}}}));
  if (c.scale == Case::Scale::on_keys) k = b.node("Mul", {k, b.constant(Tensor::scalar(0.6f))});
  ValueId x = b.node("MatMul", {q, k});
  if (c.scale == Case::Scale::on_scores) x = b.node("Mul", {b.constant(Tensor::scalar(0.4f)), x});
  if (c.scale == Case::Scale::divided) x = b.node("Div", {x, b.constant(Tensor::scalar(1.7f))});
  if (c.mask == Case::Mask::of_keys) x = b.node("Add", {x, b.input("mask", {batch, 1, 1, c.keys})});
  if (c.mask == Case::Mask::full) x = b.node("Add", {b.input("mask", {c.queries, c.keys}), x});
  const ValueId y = b.node("MatMul", {b.node("Softmax", {x}, axis(-1)), v});
  b.graph.outputs = {b.node("Transpose", {y}, ints({{"perm", {0, 2, 1, 3}}}))};
  return b.graph;
}

NamedTensors random_inputs(const Graph& graph, std::uint64_t seed) {
  Random random(seed);
  NamedTensors out;
  for (const ValueId id : graph.inputs) {
    const Value& value = graph.value(id);
    out.emplace_back(value.name, testing::random_floats(random, *static_shape(*value.type.shape), -2, 2));
  }
  return out;
}

// Scores are some tens: their rounding moves e^score by some 1e-6 of itself.
void check(const Graph& graph, bool fuses) {
  const Session plain(graph, {.threads = 1, .optimize = false}), one(graph, {.threads = 1}), two(graph, {.threads = 2});
  const NamedTensors inputs = random_inputs(graph, 3);
  const std::vector<double> expected = plain.run(inputs)[0].to_double(), fast = one.run(inputs)[0].to_double();
  ASSERT_EQ(expected.size(), fast.size());
  for (std::size_t i = 0; i < fast.size(); ++i) ASSERT_NEAR(expected[i], fast[i], 2e-5) << "element " << i;
  EXPECT_EQ(fast, two.run(inputs)[0].to_double()) << "depends on the threads";
  const auto steps = one.steps();
  EXPECT_EQ(fuses, std::any_of(steps.begin(), steps.end(), [](const StepInfo& s) { return s.op == "Attention"; }));
}

TEST(Attention, OfEveryForm) {
  using enum Case::Scale;
  using Mask = Case::Mask;
  const Case cases[] = {
      {},
      {.queries = 0},
      {.depth = 0},
      {.batch = 3, .heads = 1, .queries = 1, .keys = 1, .depth = 1, .width = 1, .scale = on_keys},
      {.batch = 2,
       .heads = 3,
       .queries = 130,
       .keys = 33,
       .depth = 32,
       .width = 32,
       .scale = on_scores,
       .mask = Mask::full},
      {.heads = 12, .queries = 128, .keys = 128, .depth = 32, .width = 32, .scale = on_keys, .mask = Mask::of_keys},
      {.batch = 2,
       .heads = 2,
       .queries = 3,
       .keys = 700,
       .depth = 20,
       .width = 40,
       .scale = divided,
       .mask = Mask::of_keys},
      {.heads = 1, .queries = 900, .keys = 513, .depth = 8, .width = 17, .scale = divided},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.queries);
    check(attention(c, 1), true);
  }
}

// What looks like it and is not: the softmax along another axis, scores or weights that somebody else reads.
TEST(Attention, IsNotSeenWhereItIsNot) {
  Graph other_axis = attention({}, 1);
  for (Node& node : other_axis.nodes) {
    if (node.op_type == "Softmax") node.attributes.set("axis", std::int64_t{2});
  }
  check(other_axis, false);
  for (const char* op : {"MatMul", "Softmax"}) {
    Graph read_twice = attention({}, 1);
    const auto node =
        std::find_if(read_twice.nodes.begin(), read_twice.nodes.end(), [op](const Node& n) { return n.op_type == op; });
    read_twice.outputs.push_back(node->outputs[0]);
    check(read_twice, false);
  }
}

TEST(Attention, OfManySamplesRunsOneByOne) {
  const Case one{
      .batch = 1, .heads = 2, .queries = 40, .keys = 40, .depth = 16, .width = 16, .mask = Case::Mask::of_keys};
  const Graph graph = attention(one, 1, "N");
  Random random(5);
  NamedTensors many, first;
  for (const ValueId id : graph.inputs) {
    SymbolicShape symbolic = *graph.value(id).type.shape;
    symbolic[0] = 4;
    many.emplace_back(graph.value(id).name, testing::random_floats(random, *static_shape(symbolic), -2, 2));
    Tensor sample(DType::f32, [&] {
      Shape shape = many.back().second.shape();
      shape[0] = 1;
      return shape;
    }());
    std::copy_n(many.back().second.data<float>(), sample.elements(), sample.data<float>());
    first.emplace_back(graph.value(id).name, sample);
  }
  const Session session(graph, {.threads = 2});
  const Tensor all = session.run(many)[0], alone = session.run(first)[0];
  for (std::int64_t i = 0; i < alone.elements(); ++i) ASSERT_EQ(all.data<float>()[i], alone.data<float>()[i]);
}

// Queries, keys and values are products of rows quantized as they come, or of floats.
Graph projected(const Case& c, bool eight_bits, std::uint64_t seed) {
  Builder b(seed);
  std::string names;
  const ValueId mask = b.input("mask", {c.batch, 1, 1, c.keys});
  const auto heads = [&](const char* name, std::int64_t length, std::int64_t depth, Attributes perm) {
    const ValueId x = b.input(name, {c.batch, length, 24});
    const Shape shape{24, c.heads * depth};
    const ValueId y = b.node("MatMul", {x, eight_bits ? b.weights(shape, 1) : b.floats(shape, -0.3f, 0.3f)});
    names += b.graph.nodes.back().name + "\n";
    const ValueId split = b.constant(Tensor::from<std::int64_t>({4}, {0, 0, c.heads, depth}));
    return b.node("Transpose", {b.node("Reshape", {y, split})}, std::move(perm));
  };
  const ValueId q = heads("q", c.queries, c.depth, ints({{"perm", {0, 2, 1, 3}}}));
  const ValueId k = heads("k", c.keys, c.depth, ints({{"perm", {0, 2, 3, 1}}}));
  const ValueId v = heads("v", c.keys, c.width, ints({{"perm", {0, 2, 1, 3}}}));
  const ValueId scores = b.node("Add", {b.node("MatMul", {q, k}), mask});
  b.graph.outputs = {b.node("MatMul", {b.node("Softmax", {scores}, axis(-1)), v})};
  if (eight_bits) b.graph.info.set_metadata("octet.dynamic_per_row", names);
  return b.graph;
}

std::string attention_kernel(const Session& session) {
  for (const StepInfo& step : session.steps()) {
    if (step.op == "Attention") return step.kernel;
  }
  return "none";
}

// Of operands from eight bits the products are of such integers, which the profile says; of floats they are not, nor
// of heads too large for it.
TEST(Attention, OfEightBitOperandsIsInIntegers) {
  const Case cases[] = {
      {.batch = 2, .heads = 3, .queries = 37, .keys = 29, .depth = 16, .width = 20},
      {.heads = 2, .queries = 1, .keys = 2, .depth = 3, .width = 1},
      {.heads = 5, .queries = 130, .keys = 33, .depth = 7, .width = 33},
      {.queries = 0},
      {.heads = 1, .queries = 3, .keys = 1025, .depth = 4, .width = 4},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.queries);
    for (const bool eight_bits : {false, true}) {
      const Graph graph = projected(c, eight_bits, 4);
      const Session plain(graph, {.threads = 1, .optimize = false}), one(graph, {.threads = 1});
      const NamedTensors inputs = random_inputs(graph, 5);
      const std::vector<double> expected = plain.run(inputs)[0].to_double(), fast = one.run(inputs)[0].to_double();
      ASSERT_EQ(expected.size(), fast.size());
      for (std::size_t i = 0; i < fast.size(); ++i) ASSERT_NEAR(expected[i], fast[i], eight_bits ? 0.08 : 1e-4) << i;
      for (const int threads : {2, 3, 4}) {
        EXPECT_EQ(fast, Session(graph, {.threads = threads}).run(inputs)[0].to_double()) << threads << " threads";
      }
      const bool in_integers = eight_bits && c.keys <= 1024;
      EXPECT_EQ(attention_kernel(one).starts_with("attention_s8"), in_integers) << attention_kernel(one);
    }
  }
}

// Static networks quantize what attention gives before its heads are joined: the Transpose becomes Attention's all the
// same.
TEST(Attention, TakesTheTransposeBehindAQuantize) {
  const Case c{.batch = 2, .heads = 3, .queries = 9, .keys = 9, .depth = 8, .width = 8};
  Graph graph = attention(c, 6);
  Node& transpose = graph.nodes.back();
  Builder b(7);
  b.graph = graph;
  const ValueId bytes = b.quantized(transpose.inputs[0], 2);
  b.graph.nodes[graph.nodes.size() - 1].inputs[0] = bytes;
  const ValueId joined =
      b.node("Reshape", {b.graph.outputs[0], b.constant(Tensor::from<std::int64_t>({3}, {0, 0, -1}))});
  b.graph.outputs = {b.node("MatMul", {joined, b.weights({24, 16}, 1)})};
  sort_topologically(b.graph);
  const Session plain(b.graph, {.threads = 1, .optimize = false}), fast(b.graph, {.threads = 2});
  const NamedTensors inputs = random_inputs(b.graph, 3);
  const std::vector<double> expected = plain.run(inputs)[0].to_double(), actual = fast.run(inputs)[0].to_double();
  for (std::size_t i = 0; i < actual.size(); ++i) ASSERT_NEAR(expected[i], actual[i], 0.02) << i;
  std::vector<std::string> steps;
  for (const StepInfo& step : fast.steps()) steps.push_back(step.op);
  EXPECT_EQ(std::count(steps.begin(), steps.end(), "Attention"), 1);
  EXPECT_EQ(std::count(steps.begin(), steps.end(), "QLinear"), 1);
  EXPECT_EQ(std::count(steps.begin(), steps.end(), "Transpose"), 0);
}

}  // namespace
}  // namespace octet::runtime
