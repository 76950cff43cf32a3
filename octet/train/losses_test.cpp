// Losses and their gradients are torch's.
#include "octet/train/losses.h"

#include <gtest/gtest.h>

#include "octet/autograd/autograd.h"
#include "octet/nn/testing.h"
#include "octet/runtime/session.h"

namespace octet::train {
namespace {

using nlohmann::json;
using nn::floats_from;
using nn::shape_from;

Loss loss_from(const json& golden) {
  Loss loss = make_loss(golden.at("loss"));
  const json& options = golden.at("options");
  if (auto* huber = std::get_if<Huber>(&loss)) huber->delta = options.value("delta", 1.0);
  if (auto* kl = std::get_if<Distillation>(&loss)) kl->temperature = options.value("temperature", 4.0);
  if (auto* entropy = std::get_if<CrossEntropy>(&loss)) {
    entropy->label_smoothing = options.value("smoothing", 0.0);
    entropy->class_weights = options.value("weights", std::vector<float>());
  }
  return loss;
}

Tensor answers_from(const json& golden) {
  if (!golden.at("integer").get<bool>()) return floats_from(golden.at("y_shape"), golden.at("y"));
  const auto labels = golden.at("y").get<std::vector<std::int64_t>>();
  return Tensor::from<std::int64_t>(shape_from(golden.at("y_shape")), std::span<const std::int64_t>(labels));
}

// x as a parameter, with its number of classes known or not.
void check(const json& golden, bool classes_known) {
  const Tensor x = floats_from(golden.at("x_shape"), golden.at("x")), y = answers_from(golden);
  Graph graph;
  graph.opsets[""] = 17;
  SymbolicShape shape = symbolic(x.shape());
  const ValueId parameter = graph.add_initializer("x", x);
  ValueId value = parameter;
  if (!classes_known) {  // through an input whose shape says nothing
    shape.assign(shape.size(), Dim());
    const ValueId zero = graph.add_input("zero", DType::f32, shape);
    value = graph.add_node("Add", {parameter, zero});
    graph.value(value).type = {DType::f32, shape};
  } else {
    graph.value(value).type = {DType::f32, shape};
  }
  SymbolicShape target = symbolic(y.shape());
  const ValueId answer = graph.add_input("y", y.dtype(), target);
  const ValueId loss = add_loss(graph, loss_from(golden), value, answer);
  graph.rename(loss, "loss");
  graph.outputs = {loss};
  const Differentiated d = differentiate(graph, "loss", {"x"});
  ASSERT_TRUE(d.unreached.empty());
  NamedTensors feed{{"x", x}, {"y", y}};
  if (!classes_known) feed.emplace_back("zero", Tensor::zeros(DType::f32, x.shape()));
  const auto out = Session(clone(d.graph), {.threads = 1}).run(feed);
  const float wanted = golden.at("value");
  EXPECT_NEAR(out.at(0).data<float>()[0], wanted, 2e-6f * std::max(1.0f, std::abs(wanted)))
      << golden.at("loss") << golden.at("options");
  const auto gradient = golden.at("gradient").get<std::vector<float>>();
  for (std::size_t i = 0; i < gradient.size(); ++i)
    EXPECT_NEAR(out.at(1).data<float>()[i], gradient[i], 2e-6f)
        << golden.at("loss") << golden.at("options") << ' ' << i;
}

TEST(Losses, ValuesAndGradientsAreTorchs) {
  for (const json& golden : nn::goldens().at("losses")) {
    check(golden, true);
    check(golden, false);
  }
}

TEST(Losses, UnknownNameAndWrongWeightsAreRefused) {
  EXPECT_THROW(make_loss("squared"), Error);
  Graph graph;
  graph.opsets[""] = 17;
  const ValueId x = graph.add_input("x", DType::f32, {Dim("N"), 5}), y = graph.add_input("y", DType::i64, {Dim("N")});
  EXPECT_THROW(add_loss(graph, CrossEntropy{.class_weights = {1, 2}}, x, y), Error);
}

}  // namespace
}  // namespace octet::train
