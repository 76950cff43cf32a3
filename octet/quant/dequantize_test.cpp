#include "octet/quant/dequantize.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "octet/quant/target.h"

namespace octet {
namespace {

// x -> Q -> DQ -> MatMul(DQ(weights s8)) -> Add(DQ(bias s32)) -> y
Graph quantized() {
  Graph graph;
  graph.opsets[""] = 13;
  const auto scalar = [&](auto value) { return graph.add_initializer({}, Tensor::scalar(value)); };
  const ValueId x = graph.add_input("x", DType::f32, {1, 2});
  const ValueId scale = scalar(0.5f), zero = scalar(std::uint8_t{3});
  const ValueId q = graph.add_node("QuantizeLinear", {x, scale, zero});
  const ValueId a = graph.add_node("DequantizeLinear", {q, scale, zero});
  const ValueId w = graph.add_initializer("w", Tensor::from<std::int8_t>({2, 2}, {1, -2, 3, -4}));
  const ValueId b = graph.add_initializer("b", Tensor::from<std::int32_t>({2}, {10, -20}));
  const ValueId wf = graph.add_node("DequantizeLinear", {w, scalar(0.25f), scalar(std::int8_t{0})});
  const ValueId bf = graph.add_node("DequantizeLinear", {b, scalar(0.125f), scalar(std::int32_t{0})});
  graph.outputs.push_back(graph.add_node("Add", {graph.add_node("MatMul", {a, wf}), bf}));
  graph.info.set_metadata("octet.method", "static");
  graph.info.set_metadata("author", "somebody");
  return graph;
}

std::vector<std::string> operators(const Graph& graph) {
  std::vector<std::string> out;
  for (const Node& node : graph.nodes) out.push_back(node.op_type);
  return out;
}

TEST(Dequantize, LeavesTheFloatNetwork) {
  Graph graph = quantized();
  dequantize(graph);
  verify(graph);
  EXPECT_EQ(operators(graph), (std::vector<std::string>{"MatMul", "Add"}));
  const Tensor* weight = graph.initializer(graph.nodes[0].inputs[1]);
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(weight->to_double(), (std::vector<double>{0.25, -0.5, 0.75, -1}));
  EXPECT_EQ(graph.value(graph.nodes[0].inputs[0]).name, "x");
  EXPECT_EQ(graph.info.find_metadata("octet.method"), nullptr);
  EXPECT_NE(graph.info.find_metadata("author"), nullptr);
}

TEST(Dequantize, RefusesIntegerOperators) {
  Graph graph;
  graph.opsets[""] = 13;
  const ValueId x = graph.add_input("x", DType::u8, {1, 2});
  graph.outputs.push_back(
      graph.add_node("MatMulInteger", {x, graph.add_initializer("w", Tensor::zeros(DType::i8, {2, 2}))}));
  try {
    dequantize(graph);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.info().kind, ErrorKind::unsupported);
    EXPECT_EQ(error.info().value, "MatMulInteger");
  }
}

TEST(Target, TensorRtTakesFloatBiases) {
  Graph graph = quantized();
  apply_target(graph, Target::tensorrt);
  verify(graph);
  const std::vector<std::string> ops = operators(graph);
  EXPECT_EQ(std::count(ops.begin(), ops.end(), "DequantizeLinear"), 2);  // activation and weight
  const Tensor* bias = graph.initializer(graph.nodes.back().inputs[1]);
  ASSERT_NE(bias, nullptr);
  EXPECT_EQ(bias->to_double(), (std::vector<double>{1.25, -2.5}));
  Graph same = quantized();
  apply_target(same, Target::ort);
  EXPECT_EQ(same.nodes.size(), quantized().nodes.size());
}

}  // namespace
}  // namespace octet
