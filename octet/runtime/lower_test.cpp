// Every pass keeps what a graph computes: the graph is evaluated after each of them, operator by operator.
#include "octet/runtime/lower.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "octet/runtime/runtime_op.h"
#include "octet/runtime/session.h"
#include "octet/runtime/test_graphs.h"

namespace octet::runtime {
namespace {

using testing::Builder;
using testing::ints;
using testing::random_floats;

Attributes axis(std::int64_t value) {
  Attributes a;
  a.set("axis", value);
  return a;
}

// Image layers, float or quantized, of every kind that a pass looks for.
Graph image_graph(std::uint64_t seed, bool quantized) {
  Builder b(seed);
  const auto q = [&](ValueId id, float range) { return quantized ? b.quantized(id, range, seed % 2 == 1) : id; };
  const auto conv = [&](ValueId id, std::int64_t in, std::int64_t out, std::int64_t k, Attributes a,
                        std::int64_t g = 1) {
    return quantized ? b.qconv(id, in, out, k, std::move(a), g) : b.conv(id, in, out, k, std::move(a), g);
  };
  ValueId x = q(b.input("x", {2, 4, 10, 12}), 1);
  x = q(b.node("Relu", {conv(x, 4, 8, 3, ints({{"pads", {1, 1, 1, 1}}}))}), 2);
  const ValueId pooled = q(b.node("MaxPool", {x}, ints({{"kernel_shape", {3, 3}}, {"pads", {1, 1, 1, 1}}})), 2);
  ValueId y = b.node("HardSwish", {conv(pooled, 8, 8, 3, ints({{"pads", {1, 1, 1, 1}}}), 8)});
  y = b.node("Mul", {b.constant(Tensor::scalar(-1.3f)), y});
  y = q(b.node("Add", {y, b.constant(Tensor::from<float>({1}, {0.4f}))}), 2);
  const ValueId gate = q(b.node("Sigmoid", {q(conv(q(b.node("GlobalAveragePool", {y}), 2), 8, 8, 1, {}), 2)}), 1);
  y = q(b.node("Mul", {y, gate}), 2);
  x = q(b.node("Relu", {b.node("Add", {conv(y, 8, 8, 1, {}), x})}), 3);
  x = q(b.node("Concat", {x, y}, axis(1)), 3);
  x = q(b.node("Pad", {x, b.constant(Tensor::from<std::int64_t>({8}, {0, 0, 1, 0, 0, 0, 0, 1}))}), 3);
  x = q(b.node("Slice", {x, b.constant(Tensor::from<std::int64_t>({2}, {0, 1})),
                         b.constant(Tensor::from<std::int64_t>({2}, {9, 100})),
                         b.constant(Tensor::from<std::int64_t>({2}, {2, -1})),
                         b.constant(Tensor::from<std::int64_t>({2}, {1, 2}))}),
        3);
  x = q(b.node("AveragePool", {x}, ints({{"kernel_shape", {2, 3}}, {"strides", {2, 2}}})), 3);
  const ValueId mean = b.node("ReduceMean", {x}, ints({{"axes", {2, 3}}}));
  const ValueId flat = b.node("Flatten", {x});
  b.graph.outputs = {mean, flat, b.node("Transpose", {x}, ints({{"perm", {0, 2, 3, 1}}}))};
  return b.graph;
}

// Three convolutions whose channels are joined.
Graph joined_graph(std::uint64_t seed, bool quantized) {
  Builder b(seed);
  const auto q = [&](ValueId id, float range) { return quantized ? b.quantized(id, range) : id; };
  const ValueId x = q(b.input("x", {2, 4, 10, 12}), 1);
  std::vector<ValueId> parts;
  for (const std::int64_t kernel : {3, 1, 5}) {
    const Attributes pads = ints({{"pads", {kernel / 2, kernel / 2, kernel / 2, kernel / 2}}});
    const std::int64_t channels = 3 + 2 * kernel;
    const ValueId y = quantized ? b.qconv(x, 4, channels, kernel, pads) : b.conv(x, 4, channels, kernel, pads);
    parts.push_back(q(b.node("Relu", {y}), 2));
  }
  b.graph.outputs = {b.node("MaxPool", {q(b.node("Concat", parts, axis(1)), 2)}, ints({{"kernel_shape", {2, 2}}}))};
  return b.graph;
}

// Attention with two heads.
Graph attention_graph(std::uint64_t seed, bool quantized) {
  Builder b(seed);
  const auto q = [&](ValueId id, float range) { return quantized ? b.quantized(id, range) : id; };
  const ValueId x = q(b.input("x", {2, 5, 16}), 1);
  const auto head = [&](Attributes perm) {
    const ValueId w = quantized ? b.weights({16, 16}, 1) : b.floats({16, 16}, -0.4f, 0.4f);
    const ValueId y = q(b.node("Add", {b.node("MatMul", {x, w}), b.floats({16})}), 3);
    return b.node("Transpose", {b.node("Reshape", {y, b.constant(Tensor::from<std::int64_t>({4}, {0, 0, 2, 8}))})},
                  std::move(perm));
  };
  // Some keys are seen by every query: the mask is joined with one that hides nothing.
  const ValueId first = b.node(
      "Slice", {x, b.constant(Tensor::from<std::int64_t>({1}, {0})), b.constant(Tensor::from<std::int64_t>({1}, {1})),
                b.constant(Tensor::from<std::int64_t>({1}, {2}))});
  const ValueId key = b.node("Reshape", {first, b.constant(Tensor::from<std::int64_t>({4}, {0, 1, 1, 5}))});
  const ValueId seen = b.node("Less", {key, b.constant(Tensor::scalar(0.3f))});
  Tensor all(DType::boolean, {1, 1, 5, 5});
  std::fill_n(all.data<bool>(), all.elements(), true);
  const ValueId mask = b.node("Where", {b.node("And", {b.constant(all), seen}), b.constant(Tensor::scalar(0.0f)),
                                        b.constant(Tensor::scalar(-5.0f))});
  const ValueId products =
      b.node("MatMul", {head(ints({{"perm", {0, 2, 1, 3}}})), head(ints({{"perm", {0, 2, 3, 1}}}))});
  const ValueId scores = b.node("Mul", {products, b.constant(Tensor::scalar(0.35f))});
  const ValueId masked = quantized ? q(scores, 8) : b.node("Add", {mask, scores});
  const ValueId weights = q(b.node("Softmax", {masked}, axis(-1)), 1);
  const ValueId mixed = q(b.node("MatMul", {weights, head(ints({{"perm", {0, 2, 1, 3}}}))}), 3);
  const ValueId joined = b.node("Transpose", {mixed}, ints({{"perm", {0, 2, 1, 3}}}));
  const ValueId rows = b.node("Reshape", {joined, b.constant(Tensor::from<std::int64_t>({3}, {0, 0, -1}))});
  const ValueId normal =
      b.node("LayerNormalization", {b.node("Add", {rows, x}), b.floats({16}, 0.5f, 1), b.floats({16})});
  b.graph.outputs = {rows, q(normal, 4)};
  return b.graph;
}

// Weights in eight bits, arithmetic in float.
Graph weight_only_graph(std::uint64_t seed, std::int64_t rows) {
  Builder b(seed);
  const ValueId x = b.input("x", {2, rows, 16});
  const ValueId y = b.node("Relu", {b.node("MatMul", {x, b.weights({16, 24}, 1)})});
  b.graph.outputs = {b.node("MatMul", {y, b.weights({24, 8}, -1)})};
  return b.graph;
}

// Convolutions stay float: their weights are dequantized once.
Graph weight_only_conv_graph(std::uint64_t seed) {
  Builder b(seed);
  b.graph.outputs = {b.qconv(b.input("x", {2, 4, 10, 12}), 4, 8, 3, ints({{"pads", {1, 1, 1, 1}}}))};
  return b.graph;
}

// The share of numbers that differ by more than `rounding`; none may differ by more than `most`.
double differing(const Tensor& a, const Tensor& b, float rounding, float most, const std::string& where) {
  EXPECT_EQ(to_string(a.shape()), to_string(b.shape())) << where;
  if (!(a.shape() == b.shape())) return 1;
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < a.elements(); ++i) {
    const float gap = std::abs(a.data<float>()[i] - b.data<float>()[i]);
    EXPECT_LE(gap, most) << where;
    if (gap > most) return 1;
    count += gap > rounding;
  }
  return static_cast<double>(count) / static_cast<double>(a.elements());
}

void check_passes(Graph graph, const NamedTensors& inputs, float most, std::set<std::string>& fired,
                  float rounding = 2e-5f) {
  ThreadPool threads(1);
  std::vector<const Tensor*> given;
  for (const auto& [name, tensor] : inputs) given.push_back(&tensor);
  graph = prepare_graph(graph);
  const auto expected = evaluate_plainly(graph, given, threads);
  for (const Pass& pass : passes()) {
    if (pass.apply(graph) == 0) continue;
    fired.insert(pass.name);
    sort_topologically(graph);
    remove_dead(graph);
    verify(graph);
    const auto actual = evaluate_plainly(graph, given, threads);
    for (std::size_t i = 0; i < actual.size(); ++i) {
      EXPECT_LT(differing(actual[i], expected[i], rounding, most, pass.name), most > 1e-3f ? 0.12 : 1e-9) << pass.name;
    }
  }
}

// Where the scales are powers of two, both ways of computing a mean of eight-bit numbers are exact up to their one
// rounding, and both round ties to even: then no number may differ, and every sixth mean of six is such a tie.
// So what differs in the graphs below are ties of scales that float cannot hold exactly, and nothing else.
TEST(Lower, MeansDifferInTiesOnly) {
  ThreadPool threads(1);
  Random random(90);
  for (const bool is_signed : {false, true}) {
    Builder b(90);
    const auto q = [&](ValueId id) { return b.quantized(id, 255.0f / 128, is_signed); };  // the scale is 1/64
    const ValueId x = q(b.input("x", {2, 8, 10, 12}));
    const ValueId pooled = q(b.node("AveragePool", {x}, ints({{"kernel_shape", {2, 3}}, {"strides", {2, 2}}})));
    const ValueId mean = q(b.node("GlobalAveragePool", {pooled}));
    b.graph.outputs = {pooled, mean};
    Graph graph = prepare_graph(b.graph);
    const Tensor input = random_floats(random, {2, 8, 10, 12});
    const auto expected = evaluate_plainly(graph, {&input}, threads);
    std::set<std::string> fired;
    for (const Pass& pass : passes()) {
      if (pass.apply(graph) == 0) continue;
      fired.insert(pass.name);
      sort_topologically(graph);
      remove_dead(graph);
      const auto actual = evaluate_plainly(graph, {&input}, threads);
      for (std::size_t i = 0; i < actual.size(); ++i)
        EXPECT_EQ(std::memcmp(actual[i].raw(), expected[i].raw(), expected[i].bytes()), 0) << pass.name << " " << i;
    }
    EXPECT_TRUE(fired.contains("lower_pools")) << "the means were not computed on integers";
  }
}

TEST(Lower, EveryPassKeepsTheResults) {
  std::set<std::string> fired;
  for (const std::uint64_t seed : {80, 81, 82}) {
    for (const bool quantized : {false, true}) {
      Random random(seed);
      // A tie of rounding early in the network may move later numbers by a step or two. A mean of six eight-bit
      // numbers is a tie in one case of six (MeansDifferInTiesOnly), and the two ways settle half of those apart.
      const float most = quantized ? 0.08f : 1e-4f;
      check_passes(image_graph(seed, quantized), {{"x", random_floats(random, {2, 4, 10, 12})}}, most, fired);
      check_passes(joined_graph(seed, quantized), {{"x", random_floats(random, {2, 4, 10, 12})}}, most, fired);
      check_passes(attention_graph(seed, quantized), {{"x", random_floats(random, {2, 5, 16})}}, most, fired);
      for (const std::int64_t rows : {1, 4, 5})
        check_passes(weight_only_graph(seed, rows), {{"x", random_floats(random, {2, rows, 16})}}, 3e-4f, fired, 3e-4f);
      check_passes(weight_only_conv_graph(seed), {{"x", random_floats(random, {2, 4, 10, 12})}}, 1e-4f, fired);
    }
  }
  // The recurrent, dynamic and training passes have tests of their own (the last in octet/autograd), as has the one
  // that rounds attention's operands.
  for (const Pass& pass : passes()) {
    const std::string name = pass.name;
    if (name == "fuse_embedding" || name == "fuse_embedding_sum" || name == "fuse_per_row" || name == "fuse_integer" ||
        name == "fuse_recurrent" || name == "lower_training" || name == "attention_in_s8" ||
        name == "quantize_rows_once")
      continue;
    EXPECT_TRUE(fired.contains(name)) << name << " was never tried";
  }
}

}  // namespace
}  // namespace octet::runtime
