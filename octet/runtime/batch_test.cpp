#include "octet/runtime/batch.h"

#include <gtest/gtest.h>

#include <cstring>

#include "octet/runtime/lower.h"
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

// Convolutions that meet in a Concat, a residual, a pool and a classifier.
Graph image_network(bool quantized) {
  Builder b(5);
  const auto q = [&](ValueId id, float range) { return quantized ? b.quantized(id, range) : id; };
  const auto conv = [&](ValueId id, std::int64_t in, std::int64_t out, std::int64_t k) {
    const Attributes pads = ints({{"pads", {k / 2, k / 2, k / 2, k / 2}}});
    return quantized ? b.qconv(id, in, out, k, pads) : b.conv(id, in, out, k, pads);
  };
  const ValueId x = q(b.input("x", {Dim("N"), Dim(4), Dim(9), Dim(8)}), 1);
  const ValueId narrow = q(b.node("Relu", {conv(x, 4, 8, 1)}), 2), wide = q(b.node("Relu", {conv(x, 4, 16, 3)}), 2);
  ValueId y = q(b.node("Concat", {narrow, wide}, axis(1)), 2);
  y = q(b.node("Add", {conv(y, 24, 24, 3), y}), 3);
  y = b.node("GlobalAveragePool", {y});
  b.graph.outputs = {b.node("MatMul", {b.node("Flatten", {y}), b.floats({24, 10})})};
  return b.graph;
}

// One operator on an input [N, 6, 4].
Graph one(const std::string& op, Attributes attributes, std::vector<ValueId> (*more)(Builder&) = nullptr) {
  Builder b(6);
  std::vector<ValueId> inputs = {b.input("x", {Dim("N"), Dim(6), Dim(4)})};
  if (more != nullptr) {
    for (const ValueId id : more(b)) inputs.push_back(id);
  }
  b.graph.outputs = {b.node(op, inputs, std::move(attributes))};
  return b.graph;
}

bool independent(const Graph& graph, std::int64_t batch = 8) {
  const Graph prepared = prepare_graph(graph);
  return samples_are_independent(lower(prepared, {{"x", Shape{batch, 6, 4}}}, false).graph, batch);
}

TEST(Batch, EverySampleHasTheBitsOfARunOfItsOwn) {
  for (const bool quantized : {false, true}) {
    const Session session(image_network(quantized), {.threads = 2});
    for (const std::int64_t batch : {2, 3, 9}) {
      Random random(7);
      const Tensor x = random_floats(random, {batch, 4, 9, 8});
      const Tensor all = session.run({{"x", x}})[0];
      ASSERT_EQ(to_string(all.shape()), to_string(Shape{batch, 10}));
      for (std::int64_t i = 0; i < batch; ++i) {
        Tensor sample(DType::f32, {1, 4, 9, 8});
        std::memcpy(sample.raw(), x.data<float>() + i * 4 * 9 * 8, sample.bytes());
        const Tensor own = session.run({{"x", sample}})[0];
        EXPECT_EQ(std::memcmp(own.raw(), all.data<float>() + i * 10, own.bytes()), 0) << i << " of " << batch;
      }
    }
  }
}

TEST(Batch, StepsOfAllSamplesAreCounted) {
  const Session session(image_network(true), {.threads = 1, .shapes = {{"x", {6, 4, 9, 8}}}});
  std::int64_t macs = 0;
  for (const StepInfo& step : session.steps()) macs += step.macs;
  EXPECT_EQ(macs, 6 * (9 * 8 * (4 * 8 + 36 * 16 + 24 * 9 * 24) + 240));
}

TEST(Batch, KnowsOperatorsThatKeepSamplesApart) {
  EXPECT_TRUE(independent(one("Relu", {})));
  EXPECT_TRUE(independent(one("Softmax", axis(-1))));
  EXPECT_TRUE(independent(one("Transpose", ints({{"perm", {0, 2, 1}}}))));
  EXPECT_TRUE(independent(one("Add", {}, [](Builder& b) { return std::vector{b.floats({4})}; })));
  EXPECT_TRUE(independent(one(
      "Reshape", {}, [](Builder& b) { return std::vector{b.constant(Tensor::from<std::int64_t>({3}, {0, 4, 6}))}; })));
}

TEST(Batch, KnowsOperatorsThatMixThem) {
  EXPECT_FALSE(independent(one("Softmax", axis(0))));
  EXPECT_FALSE(independent(one("Transpose", ints({{"perm", {1, 0, 2}}}))));
  EXPECT_FALSE(independent(
      one("CumSum", {}, [](Builder& b) { return std::vector{b.constant(Tensor::from<std::int64_t>({}, {0}))}; })));
  EXPECT_FALSE(independent(one("Add", {}, [](Builder& b) { return std::vector{b.floats({8, 6, 4})}; })));
  EXPECT_FALSE(independent(one(
      "Reshape", {}, [](Builder& b) { return std::vector{b.constant(Tensor::from<std::int64_t>({2}, {6, -1}))}; })));
  EXPECT_FALSE(independent(one("Slice", {}, [](Builder& b) {
    const auto at = [&](std::int64_t v) { return b.constant(Tensor::from<std::int64_t>({1}, {v})); };
    return std::vector{at(-1), at(-100), at(0), at(-1)};
  }))) << "reversed";
}

// Four products of 24 rows each: their weights take columns / 6 times what one activation does.
TEST(Batch, FewSamplesRunTogetherWhereWeightsAreLarge) {
  const auto together = [](std::int64_t columns, std::int64_t batch, int threads) {
    Builder b(9);
    ValueId x = b.input("x", {Dim("N"), 24, columns});
    for (int i = 0; i < 4; ++i) x = b.node("Relu", {b.node("MatMul", {x, b.floats({columns, columns})})});
    b.graph.outputs = {x};
    return samples_together(lower(prepare_graph(b.graph), {{"x", Shape{1, 24, columns}}}, false).graph, batch, threads);
  };
  EXPECT_EQ(together(1024, 16, 1), 4);
  EXPECT_EQ(together(1024, 16, 2), 4);
  EXPECT_EQ(together(1024, 6, 1), 2);
  EXPECT_EQ(together(1024, 6, 2), 1) << "three pairs for two threads";
  EXPECT_EQ(together(1024, 9, 1), 1);
  EXPECT_EQ(together(64, 16, 1), 2);
  EXPECT_EQ(together(32, 16, 1), 1);
}

TEST(Batch, ResultsOfSamplesTogetherAreThoseOfEachAlone) {
  Builder b(10);
  ValueId x = b.quantized(b.input("x", {Dim("N"), 24, 256}), 1);
  for (int i = 0; i < 4; ++i) x = b.quantized(b.node("Relu", {b.node("MatMul", {x, b.weights({256, 256}, 1)})}), 2);
  b.graph.outputs = {x};
  for (const int threads : {1, 2}) {
    const Session session(b.graph, {.threads = threads});
    for (const std::int64_t batch : {2, 4, 7, 8}) {
      Random random(11);
      const Tensor all = random_floats(random, {batch, 24, 256});
      const Tensor y = session.run({{"x", all}})[0];
      ASSERT_EQ(to_string(y.shape()), to_string(all.shape()));
      for (std::int64_t i = 0; i < batch; ++i) {
        Tensor sample(DType::f32, {1, 24, 256});
        std::memcpy(sample.raw(), all.data<float>() + i * 24 * 256, sample.bytes());
        const Tensor own = session.run({{"x", sample}})[0];
        EXPECT_EQ(std::memcmp(own.raw(), y.data<float>() + i * 24 * 256, own.bytes()), 0) << i << " of " << batch;
      }
    }
  }
}

TEST(Batch, ProductsOfSingleRowsStayTogether) {
  Builder b(8);
  const ValueId x = b.input("x", {Dim("N"), Dim(32)});
  b.graph.outputs = {b.node("MatMul", {x, b.floats({32, 64})})};
  const Graph prepared = prepare_graph(b.graph);
  EXPECT_FALSE(is_worth_running_by_sample(lower(prepared, {{"x", Shape{1, 32}}}, false).graph));
  EXPECT_TRUE(
      is_worth_running_by_sample(lower(prepare_graph(image_network(true)), {{"x", Shape{1, 4, 9, 8}}}, false).graph));
}

}  // namespace
}  // namespace octet::runtime
