#include "octet/report/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "octet/base/random.h"
#include "octet/report/inspect.h"
#include "octet/report/per_row.h"
#include "octet/report/segments.h"

namespace octet::report {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Tensor random_floats(const Shape& shape, std::uint64_t seed) {
  Random random(seed);
  Tensor out(DType::f32, shape);
  for (std::int64_t i = 0; i < out.elements(); ++i) out.data<float>()[i] = random.uniform(-1, 1);
  return out;
}

Tensor random_weights(const Shape& shape, std::uint64_t seed) {
  Random random(seed);
  Tensor out(DType::i8, shape);
  for (std::int64_t i = 0; i < out.elements(); ++i)
    out.data<std::int8_t>()[i] = static_cast<std::int8_t>(random.integer(-127, 127));
  return out;
}

struct Builder {
  Graph graph;
  Builder() { graph.opsets[""] = 13; }

  ValueId quantize(ValueId x, float scale, const std::string& name) {
    return graph.add_node("QuantizeLinear", {x, constant(scale), zero()}, {}, name);
  }
  ValueId dequantize(ValueId q, float scale) {
    return graph.add_node("DequantizeLinear", {q, constant(scale), zero()});
  }
  ValueId pair(ValueId x, float scale, const std::string& name) { return dequantize(quantize(x, scale, name), scale); }
  ValueId weights(const Shape& shape, float scale) {
    const ValueId zero_point = graph.add_initializer({}, Tensor::scalar<std::int8_t>(0));
    return graph.add_node("DequantizeLinear",
                          {graph.add_initializer({}, random_weights(shape, 3)), constant(scale), zero_point});
  }
  ValueId constant(float value) { return graph.add_initializer({}, Tensor::scalar(value)); }
  ValueId zero() { return graph.add_initializer({}, Tensor::scalar<std::uint8_t>(128)); }
};

// x -> Q -> DQ -> Conv -> Relu -> Q -> DQ -> MaxPool -> Q -> DQ -> y
Graph static_network() {
  Builder b;
  const ValueId x = b.graph.add_input("x", DType::f32, {1, 3, 6, 6});
  const ValueId a = b.pair(x, 0.01f, "qx");
  const ValueId conv = b.graph.add_node("Conv", {a, b.weights({8, 3, 3, 3}, 0.01f)}, {}, "conv");
  const ValueId relu = b.graph.add_node("Relu", {conv}, {}, "relu");
  Attributes pool;
  pool.set("kernel_shape", std::vector<std::int64_t>{2, 2});
  const ValueId out = b.graph.add_node("MaxPool", {b.pair(relu, 0.02f, "qrelu")}, pool, "pool");
  b.graph.outputs.push_back(b.pair(out, 0.02f, "qpool"));
  return b.graph;
}

const auto kQuiet = [](std::int64_t, std::int64_t) {};

TEST(Segments, CutBetweenQuantizedTensors) {
  const Graph graph = static_network();
  std::vector<std::string> ops;
  for (const Segment& segment : cut_at_quantized(graph)) ops.push_back(segment.op);
  EXPECT_THAT(ops,
              ElementsAre("QuantizeLinear", "Conv", "MaxPool", "QuantizeLinear"));  // the last: dequantizing the output
}

TEST(Verify, TheEngineComputesWhatTheFileSays) {
  VerifyReport report;
  const Graph graph = static_network();
  verify(graph, {{"x", random_floats({1, 3, 6, 6}, 1)}}, 1, report, kQuiet);
  verify(graph, {{"x", random_floats({1, 3, 6, 6}, 2)}}, 1, report, kQuiet);
  EXPECT_TRUE(report.passed());
  ASSERT_EQ(report.layers.size(), 4u);
  EXPECT_EQ(report.layers[1].elements, 2 * 8 * 4 * 4);
  EXPECT_EQ(report.layers[1].equal + report.layers[1].ties, report.layers[1].elements);
  EXPECT_GT(report.sqnr_db.at(0).second, 40);
}

TEST(Verify, RowsQuantizedAsTheyComeAreCheckedBesideAReferee) {
  Builder b;
  const ValueId x = b.graph.add_input("x", DType::f32, {Dim("N"), 16});
  const ValueId product = b.graph.add_node("MatMul", {x, b.weights({16, 8}, 0.01f)}, {}, "fc");
  b.graph.outputs.push_back(b.graph.add_node("Relu", {product}, {}, "relu"));
  b.graph.info.set_metadata("octet.dynamic_per_row", "fc");
  VerifyReport report;
  Tensor rows = random_floats({3, 16}, 4);
  std::fill_n(rows.data<float>() + 16, 16, 0.0f);  // a row of zeros
  verify(b.graph, {{"x", rows}}, 1, report, kQuiet);
  EXPECT_TRUE(report.passed());
  ASSERT_EQ(report.layers.size(), 1u);
  EXPECT_EQ(report.layers[0].equal, 24);
  EXPECT_LT(report.layers[0].largest, 1e-5);
}

// A file of both kinds: the static layers are checked as their file says, the others beside their referee.
TEST(Verify, StaticLayersBesideRowsAreChecked) {
  Builder b;
  const ValueId x = b.graph.add_input("x", DType::f32, {Dim("N"), 16});
  const ValueId first = b.graph.add_node("MatMul", {b.pair(x, 0.02f, "qx"), b.weights({16, 8}, 0.01f)}, {}, "first");
  const ValueId h = b.pair(b.graph.add_node("Relu", {first}, {}, "relu"), 0.02f, "qh");
  b.graph.outputs.push_back(b.graph.add_node("MatMul", {h, b.weights({8, 4}, 0.01f)}, {}, "second"));
  b.graph.info.set_metadata("octet.dynamic_per_row", "second");
  VerifyReport report;
  verify(b.graph, {{"x", random_floats({3, 16}, 4)}}, 1, report, kQuiet);
  EXPECT_TRUE(report.passed());
  std::map<std::string, std::int64_t> elements;
  for (const LayerCheck& layer : report.layers) elements[layer.op] += layer.elements;
  EXPECT_EQ(elements["MatMul"], 3 * 8 + 3 * 4);
  EXPECT_EQ(elements["QuantizeLinear"], 3 * 16);
}

TEST(Verify, AFloatNetworkHasNothingToVerify) {
  Builder b;
  b.graph.outputs.push_back(b.graph.add_node("Relu", {b.graph.add_input("x", DType::f32, {2})}));
  VerifyReport report;
  EXPECT_THROW(verify(b.graph, {{"x", random_floats({2}, 1)}}, 1, report, kQuiet), Error);
}

TEST(Verify, TellsTiesFromMismatches) {
  const auto bytes = [](std::initializer_list<std::uint8_t> values) {
    return Tensor::from<std::uint8_t>({static_cast<std::int64_t>(values.size())}, values);
  };
  const std::vector<double> distance = {0.3, 0.001, 0.2, 0.0};
  LayerCheck check;
  compare_integers(bytes({5, 6, 7, 9}), bytes({5, 7, 8, 7}), [&](std::size_t i) { return distance[i]; }, check);
  EXPECT_EQ(check.equal, 1);
  EXPECT_EQ(check.ties, 1);        // one step, at a border
  EXPECT_EQ(check.mismatches, 2);  // one step far from a border, and two steps
  EXPECT_EQ(check.largest, 2);
  LayerCheck floats;
  compare_floats(Tensor::from<float>({3}, {100, 1, 5}), Tensor::from<float>({3}, {100, 1.001f, 6}), floats);
  EXPECT_EQ(floats.equal, 2);
  EXPECT_EQ(floats.mismatches, 1);
  VerifyReport report;
  report.layers = {check};
  EXPECT_FALSE(report.passed());
  EXPECT_FALSE(to_json(report)["passed"].get<bool>());
  EXPECT_THAT(to_text(report, 0), HasSubstr("failed"));
}

TEST(Inspect, SaysHowLayersAreQuantized) {
  Graph graph = static_network();
  const ModelInfoReport report = inspect(graph, 1234);
  std::map<std::string, std::string> by_op;
  for (const NodeInfo& node : report.nodes) by_op[node.op] = node.quantization;
  EXPECT_EQ(by_op["Conv"], "u8 x s8");
  EXPECT_EQ(by_op["MaxPool"], "u8");
  EXPECT_EQ(by_op["QuantizeLinear"], "");
  EXPECT_TRUE(is_quantized(graph));
  EXPECT_EQ(to_json(report)["size_bytes"], 1234);
}

// Attention of eight-bit layers rounds its operands, which the file does not: its layer is checked without.
TEST(Verify, AttentionIsCheckedInFloat) {
  Builder b;
  const ValueId x = b.graph.add_input("x", DType::f32, {2, 24, 32});
  const ValueId bytes = b.pair(x, 2.0f / 255, "x_q");
  const auto project = [&] { return b.graph.add_node("MatMul", {bytes, b.weights({32, 32}, 0.01f)}); };
  Attributes perm;
  perm.set("perm", std::vector<std::int64_t>{0, 2, 1});
  const ValueId scores = b.graph.add_node("MatMul", {project(), b.graph.add_node("Transpose", {project()}, perm)});
  const ValueId scaled = b.graph.add_node("Mul", {scores, b.constant(0.05f)});
  Attributes axis;
  axis.set("axis", std::int64_t{-1});
  const ValueId weights = b.graph.add_node("Softmax", {scaled}, axis);
  b.graph.outputs = {b.pair(b.graph.add_node("MatMul", {weights, project()}), 0.02f, "y_q")};
  const NamedTensors feed = {{"x", random_floats({2, 24, 32}, 5)}};
  VerifyReport report;
  verify(b.graph, feed, 1, report, [](std::int64_t, std::int64_t) {});
  EXPECT_TRUE(report.passed()) << to_text(report, 100);
  EXPECT_EQ(report.attentions, 1);
  EXPECT_THAT(to_text(report, 100), HasSubstr("runs in 8 bits (1 times)"));
  EXPECT_EQ(to_json(report)["attentions_in_8_bits"], 1);
}

}  // namespace
}  // namespace octet::report
