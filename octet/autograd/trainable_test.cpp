#include "octet/autograd/trainable.h"

#include <gtest/gtest.h>

#include "octet/autograd/autograd.h"
#include "octet/autograd/parameters.h"
#include "octet/ops/op.h"

namespace octet {
namespace {

Tensor ramp(const Shape& shape, float scale) {
  Tensor out(DType::f32, shape);
  for (std::int64_t i = 0; i < out.elements(); ++i) out.data<float>()[i] = scale * static_cast<float>(i % 7 - 3);
  return out;
}

// (x - mean) -> Conv -> BatchNormalization -> Relu -> Dropout -> GlobalAveragePool -> Flatten -> Gemm
Graph network() {
  Graph g;
  g.opsets[""] = 13;
  ValueId x = g.add_input("x", DType::f32, {Dim("N"), 3, 8, 8});
  x = g.add_node("Sub", {x, g.add_initializer("pixel_mean", ramp({1, 3, 1, 1}, 0.1f))});
  Attributes pads;
  pads.set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  x = g.add_node("Conv", {x, g.add_initializer("conv.weight", ramp({4, 3, 3, 3}, 0.1f))}, pads);
  std::vector<ValueId> bn{x};
  for (const char* name : {"bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"}) {
    bn.push_back(g.add_initializer(name, Tensor::from<float>({4}, {1, 2, 1, 2})));
  }
  x = g.add_node("Relu", {g.add_node("BatchNormalization", bn, {}, "bn")});
  x = g.add_node("Dropout", {x, g.add_initializer("ratio", Tensor::scalar(0.25f))});
  x = g.add_node("Flatten", {g.add_node("GlobalAveragePool", {x})});
  x = g.add_node(
      "Gemm", {x, g.add_initializer("fc.weight", ramp({4, 2}, 0.2f)), g.add_initializer("fc.bias", ramp({2}, 0.2f))});
  Attributes all;
  all.set("keepdims", std::int64_t{0});
  const ValueId loss = g.add_node("ReduceMean", {g.add_node("Mul", {x, x})}, all);
  g.rename(loss, "loss");
  g.outputs = {loss};
  return g;
}

TEST(MakeTrainable, FindsParametersAndStates) {
  const Trainable model = make_trainable(network());
  EXPECT_EQ(model.parameters,
            (std::vector<std::string>{"conv.weight", "bn.weight", "bn.bias", "fc.weight", "fc.bias"}));
  ASSERT_EQ(model.states.size(), 2u);
  EXPECT_EQ(model.states[0].name, "bn.running_mean");
  EXPECT_EQ(model.states[1].name, "bn.running_var");
  EXPECT_NE(model.graph.find(kStepInput), kNoValue);
  EXPECT_NO_THROW(verify(model.graph));
  const Differentiated d = differentiate(model, "loss");
  EXPECT_TRUE(d.unreached.empty());
  EXPECT_EQ(d.updated.size(), 2u);
  EXPECT_EQ(d.graph.outputs.size(), 1u + 2u + 5u);
  EXPECT_NO_THROW(verify(d.graph));
}

TEST(MakeTrainable, SharesItsNumbersWithTheModel) {
  const Graph graph = network();
  Trainable model = make_trainable(graph);
  for (const std::string& name : model.parameters) {
    EXPECT_EQ(graph.initializer(graph.find(name))->identity(),
              model.graph.initializer(model.graph.find(name))->identity());
  }
}

TEST(MakeTrainable, FreezesByPattern) {
  const Trainable model =
      make_trainable(network(), {.freeze = {"bn.*", "*.bias"}, .batch_norm = false, .dropout = false});
  EXPECT_EQ(model.parameters, (std::vector<std::string>{"conv.weight", "fc.weight"}));
  EXPECT_TRUE(model.states.empty());
  EXPECT_EQ(model.graph.find(kStepInput), kNoValue);
  EXPECT_THROW(make_trainable(network(), {.freeze = {"*"}}), Error);
}

TEST(InferenceForm, ComputesWhatTheNetworkDid) {
  const Graph graph = network();
  const Graph back = inference_form(make_trainable(graph));
  EXPECT_NO_THROW(verify(back));
  EXPECT_EQ(back.inputs.size(), graph.inputs.size());
  ThreadPool one(1);
  const std::vector<Tensor> input{ramp({2, 3, 8, 8}, 0.3f)};
  EXPECT_EQ(ops::evaluate_graph(graph, input, one)[0].to_double(),
            ops::evaluate_graph(back, input, one)[0].to_double());
}

TEST(MatchesPattern, StarsStandForAnything) {
  EXPECT_TRUE(matches_pattern("layer1.conv.weight", "layer1.*"));
  EXPECT_TRUE(matches_pattern("layer1.conv.weight", "*conv*weight"));
  EXPECT_TRUE(matches_pattern("a", "a"));
  EXPECT_FALSE(matches_pattern("layer10", "layer1"));
  EXPECT_FALSE(matches_pattern("ab", "a*c"));
}

}  // namespace
}  // namespace octet
