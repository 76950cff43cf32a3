// Convolution and batch norm under fake quantization, against torch's fused ConvBnReLU2d: two steps, then frozen.
#include <gtest/gtest.h>

#include <cmath>

#include "octet/autograd/autograd.h"
#include "octet/quant/qat/qat.h"
#include "octet/quant/testing.h"
#include "octet/runtime/session.h"

namespace octet::quant {
namespace {

Tensor numbers(const nlohmann::json& values, const Shape& shape) {
  return Tensor::from<float>(shape, std::span<const float>(values.get<std::vector<float>>()));
}

Tensor drawn(std::uint64_t seed, const Shape& shape) {
  Random random(seed);
  return Tensor::from<float>(shape, std::span<const float>(draw(random, shape.elements(), "plain", 1)));
}

void expect_near(const Tensor& actual, const nlohmann::json& expected, float tolerance, const std::string& what) {
  const auto values = expected.get<std::vector<float>>();
  ASSERT_EQ(actual.elements(), static_cast<std::int64_t>(values.size())) << what;
  float largest = 1e-3F;
  for (const float v : values) largest = std::max(largest, std::abs(v));
  for (std::size_t i = 0; i < values.size(); ++i) {
    ASSERT_NEAR(actual.data<float>()[i], values[i], tolerance * largest) << what << " at " << i;
  }
}

TEST(QatBatchNorm, IsFoldedAsTorchFoldsIt) {
  std::ifstream file(octet::testing::source_dir("tests/golden/qat.json"));
  const nlohmann::json golden = nlohmann::json::parse(file).at("fused_batch_norm");
  const auto& start = golden.at("start");
  Graph g;
  g.opsets[""] = 17;
  const ValueId x = g.add_input("x", DType::f32, {2, 3, 6, 6});
  const auto constant = [&](const char* name, const Shape& shape) {
    return g.add_initializer(name, numbers(start.at(name), shape));
  };
  Attributes conv;
  conv.set("kernel_shape", std::vector<std::int64_t>{3, 3});
  conv.set("pads", std::vector<std::int64_t>{1, 1, 1, 1});
  const ValueId c =
      g.add_node("Conv", {x, constant("conv.weight", {4, 3, 3, 3}), constant("conv.bias", {4})}, conv, "conv");
  const ValueId n = g.add_node("BatchNormalization",
                               {c, constant("bn.weight", {4}), constant("bn.bias", {4}),
                                constant("bn.running_mean", {4}), constant("bn.running_var", {4})},
                               {}, "bn");
  g.outputs = {g.add_node("Relu", {n}, {}, "y")};

  QConfig config = qconfig("onednn");
  config.places = QConfig::Places::engine;
  Trainable model = prepare_qat(make_trainable(g), config);
  // torch's module quantizes its output, not its input; ours the other way round.
  replace_uses(model.graph, model.graph.find("x/fake_quantized"), model.graph.find("x"));
  std::erase_if(model.states, [](const Trainable::State& s) { return s.name.starts_with("x/"); });
  const ValueId y = model.graph.outputs[0];
  const ValueId dy = model.graph.add_input("dy", DType::f32, {2, 4, 6, 6});
  Attributes all;
  all.set("keepdims", std::int64_t{0});
  const ValueId loss = model.graph.add_node("ReduceSum", {model.graph.add_node("Mul", {y, dy})}, all, "loss");
  model.graph.outputs = {y, loss};

  for (std::size_t step = 0; step < 3; ++step) {
    if (step == 2) model = freeze_batch_norms(model);
    const auto& expected = golden.at("steps")[step];
    const Differentiated d = differentiate(model, "loss");
    const Session session(clone(d.graph));
    NamedTensors feed = {{"x", drawn(600 + step, {2, 3, 6, 6})}, {"dy", drawn(700 + step, {2, 4, 6, 6})}};
    for (const std::string& name : model.parameters)
      feed.emplace_back(name, *model.graph.initializer(model.graph.find(name)));
    for (const auto& state : model.states)
      feed.emplace_back(state.name, *model.graph.initializer(model.graph.find(state.name)));
    const std::vector<Tensor> out = session.run(feed);
    const auto output = [&](const std::string& name) {
      const auto& names = session.output_names();
      return out.at(static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin()));
    };
    for (std::size_t i = 0; i < model.states.size(); ++i) {
      Tensor held = *model.graph.initializer(model.graph.find(model.states[i].name));
      std::memcpy(held.raw(), output(d.updated[i]).raw(), held.bytes());
    }
    const auto state = [&](const char* name) { return *model.graph.initializer(model.graph.find(name)); };
    expect_near(state("bn.running_mean"), expected.at("mean"), 2e-6F, "running mean");
    expect_near(state("bn.running_var"), expected.at("variance"), 2e-6F, "running variance");
    expect_near(out[0], expected.at("y"), 5e-6F, "y of step " + std::to_string(step));
    for (std::size_t i = 0; i < model.parameters.size(); ++i) {
      const std::string name = model.parameters[i] == "conv.weight" ? "weight"
                               : model.parameters[i] == "conv.bias" ? "bias"
                                                                    : model.parameters[i];
      const float noise = name == "bias" && step < 2 ? 1.0F : 2e-4F;  // before a batch norm: zero but for rounding
      expect_near(output(d.gradients[i]), expected.at("gradients").at(name), noise, name);
    }
  }
}

}  // namespace
}  // namespace octet::quant
