#include <gtest/gtest.h>

#include "octet/autograd/autograd.h"
#include "octet/autograd/testing.h"
#include "octet/runtime/session.h"

namespace octet {
namespace {

using testing_gradients::check;
using testing_gradients::random_f64;

Graph empty_graph() {
  Graph graph;
  graph.opsets[""] = 17;
  return graph;
}

ValueId sum_of(Graph& graph, ValueId value) {
  const ValueId loss = graph.add_node("ReduceSum", {value}, ops::attributes_keepdims(0));
  graph.rename(loss, "loss");
  graph.outputs = {loss};
  return loss;
}

// y = tanh(x w1 + b1) w2, a residual of it, and a parameter used three times.
Graph small_network(Random& random) {
  Graph graph = empty_graph();
  const ValueId x = graph.add_initializer("x", random_f64(random, {5, 3}));
  const ValueId w = graph.add_initializer("w", random_f64(random, {3, 3}));
  const ValueId b = graph.add_initializer("b", random_f64(random, {3}));
  const ValueId h = graph.add_node("Tanh", {graph.add_node("Gemm", {x, w, b})});
  const ValueId again = graph.add_node("MatMul", {h, w});
  const ValueId residual = graph.add_node("Add", {again, h});
  sum_of(graph, graph.add_node("Mul", {residual, graph.add_node("MatMul", {residual, w})}));
  return graph;
}

TEST(Differentiate, GradientsOfSharedValuesAddUp) {
  Random random(3);
  EXPECT_GT(check(small_network(random), {"x", "w", "b"}, random), 20);
}

TEST(Differentiate, AValueThatIsReadTwiceByOneNode) {
  Random random(4);
  Graph graph = empty_graph();
  const ValueId x = graph.add_initializer("x", random_f64(random, {4}));
  sum_of(graph, graph.add_node("Mul", {x, x}));
  EXPECT_EQ(check(graph, {"x"}, random), 4);
}

TEST(Differentiate, ParametersBecomeInputsAndGradientsOutputs) {
  Random random(5);
  Graph graph = small_network(random);
  graph.add_initializer("idle", random_f64(random, {2}));
  const Differentiated d = differentiate(graph, "loss", {"b", "idle", "w"});
  EXPECT_EQ(d.unreached, std::vector<std::string>{"idle"});
  EXPECT_EQ(d.gradients, (std::vector<std::string>{"b.gradient", "", "w.gradient"}));
  ASSERT_EQ(d.graph.outputs.size(), 3u);
  EXPECT_EQ(d.graph.value(d.graph.outputs[0]).name, "loss");
  EXPECT_EQ(d.graph.inputs.size(), 3u);
}

TEST(Differentiate, OperatorsWithoutGradientAreRefusedAllAtOnce) {
  Graph graph = empty_graph();
  const ValueId x = graph.add_initializer("x", Tensor::from<double>({2, 2}, {1, 2, 3, 4}));
  Attributes named;
  const ValueId det = graph.add_node("Det", {x}, {}, "volume");
  const ValueId det2 = graph.add_node("Det", {graph.add_node("Exp", {x})}, {}, "volume2");
  const ValueId loss = graph.add_node("Add", {det, det2});
  graph.rename(loss, "loss");
  graph.outputs = {loss};
  try {
    differentiate(graph, "loss", {"x"});
    FAIL() << "accepted";
  } catch (const Error& e) {
    EXPECT_EQ(e.info().kind, ErrorKind::unsupported);
    EXPECT_NE(e.info().message.find("volume)"), std::string::npos) << e.info().message;
    EXPECT_NE(e.info().message.find("volume2)"), std::string::npos) << e.info().message;
  }
  EXPECT_EQ(operators_without_gradient(graph, "loss", {"x"}).size(), 2u);
}

TEST(Differentiate, AnOperatorWithoutDerivativeStopsTheGradient) {
  Graph graph = empty_graph();
  const ValueId x = graph.add_initializer("x", Tensor::from<double>({2}, {1.2, 2.7}));
  const ValueId y = graph.add_initializer("y", Tensor::from<double>({2}, {1.2, 2.7}));
  sum_of(graph, graph.add_node("Mul", {graph.add_node("Round", {x}), y}));
  const Differentiated d = differentiate(graph, "loss", {"x", "y"});
  EXPECT_EQ(d.unreached, std::vector<std::string>{"x"});
}

TEST(Differentiate, WhatIsNotALossIsAnError) {
  Random random(6);
  const Graph graph = small_network(random);
  EXPECT_THROW(differentiate(graph, "nothing", {"w"}), Error);
  EXPECT_THROW(differentiate(graph, "loss", {"w", "w"}), Error);
  EXPECT_THROW(differentiate(graph, "loss", {"no_such"}), Error);
  Graph vector = clone(graph);
  vector.rename(vector.nodes[0].outputs[0], "hidden");
  EXPECT_THROW(differentiate(vector, "hidden", {"w"}), Error);
}

// A chain of layers: recomputation changes no bit of the gradients and holds less.
Graph deep_network(int layers) {
  Random random(7);
  Graph graph = empty_graph();
  ValueId x = graph.add_input("x", DType::f32, {Dim("N"), 16});
  for (int i = 0; i < layers; ++i) {
    const Tensor w = random_f64(random, {16, 16}).cast(DType::f32);
    const ValueId h = graph.add_node("MatMul", {x, graph.add_initializer("w" + std::to_string(i), w)});
    x = graph.add_node("Add", {graph.add_node("Sigmoid", {h}), x});
  }
  const ValueId loss = graph.add_node("ReduceMean", {x}, ops::attributes_keepdims(0));
  graph.rename(loss, "loss");
  graph.outputs = {loss};
  return graph;
}

TEST(Differentiate, RecomputationHoldsLessAndChangesNoBit) {
  constexpr int kLayers = 24;
  const Graph graph = deep_network(kLayers);
  std::vector<std::string> parameters;
  for (int i = 0; i < kLayers; ++i) parameters.push_back("w" + std::to_string(i));
  const Differentiated plain = differentiate(graph, "loss", parameters, {.dims = {{"N", 64}}});
  const Differentiated again = differentiate(graph, "loss", parameters, {.recompute = true, .dims = {{"N", 64}}});
  EXPECT_EQ(plain.segments, 1);
  EXPECT_GT(again.segments, 2);
  EXPECT_EQ(again.peak_bytes_kept, plain.peak_bytes);
  EXPECT_LT(again.peak_bytes, plain.peak_bytes * 6 / 10);

  Random random(8);
  NamedTensors inputs{{"x", random_f64(random, {64, 16}).cast(DType::f32)}};
  for (const std::string& name : parameters) inputs.emplace_back(name, *graph.initializer(graph.find(name)));
  for (const bool optimize : {false, true}) {
    const Session one(plain.graph, {.threads = 1, .optimize = optimize}),
        two(again.graph, {.threads = 1, .optimize = optimize});
    const std::vector<Tensor> a = one.run(inputs), b = two.run(inputs);
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t i = 0; i < a.size(); ++i) EXPECT_EQ(a[i].to_double(), b[i].to_double()) << optimize << " " << i;
    if (optimize) {
      EXPECT_LT(two.arena_bytes(), one.arena_bytes() * 7 / 10);
    }
  }
}

}  // namespace
}  // namespace octet
