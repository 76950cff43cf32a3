// Quantization-aware training as a whole: the worked example, its presets against torch step by step, and the mistake
// of an optimizer that trains another model's parameters.
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "octet/base/testing.h"
#include "octet/nn/nn.h"
#include "octet/quant/qat/qat.h"
#include "octet/train/trainer.h"

namespace octet::train {
namespace {

struct Example {
  Random random{42};
  Samples training, test;
  nn::Sequential net;
  Trainable model;

  Example() : training(draw(10000)), test(draw(5000)) {
    net.append<nn::Linear>(3, 3, random).append<nn::ReLU>().append<nn::Linear>(3, 2, random);
    model = nn::to_trainable(net, {{"x", DType::f32, {Dim("N"), 3}}});
  }
  Samples draw(std::int64_t rows) {
    constexpr float kW[3][2] = {{1.12F, 1.6F}, {2.24F, 2.5F}, {3.6F, 3.9F}};
    const Tensor x = nn::rand({rows, 3}, random);
    Tensor y = Tensor::zeros(DType::f32, {rows, 2});
    for (std::int64_t i = 0; i < x.elements(); ++i) {
      for (std::int64_t j = 0; j < 2; ++j) y.data<float>()[i / 3 * 2 + j] += x.data<float>()[i] * kW[i % 3][j];
    }
    return Samples({{"x", x}}, y);
  }
  std::vector<double> fit(const Trainable& trained, double rate, std::int64_t steps = 100) {
    std::vector<double> losses;
    TrainerOptions options{.loss = MeanSquaredError{}, .epochs = steps, .batch = 10000, .shuffle = false};
    options.on_step = [&](const StepReport& report) {
      losses.push_back(report.loss);
      return true;
    };
    Trainer(trained, Adam{.lr = rate}, options).fit(training);
    return losses;
  }
  double loss(const Graph& network) { return mean_loss(network, MeanSquaredError{}, test); }
};

// numerics: 0.0062 from scratch, 0.0035 after the float training.
TEST(QatTraining, DefaultRangesDoNotLagBehind) {
  {
    Example scratch;
    const Trainable prepared = prepare_qat(scratch.model, qconfig("octet"));
    scratch.fit(prepared, 0.1);
    const QuantizeResult result = convert(prepared);
    EXPECT_LE(scratch.loss(result.model), 0.0062);
    EXPECT_NEAR(scratch.loss(result.model), scratch.loss(fake_quantized_form(prepared)), 1e-4);
    EXPECT_TRUE(result.warnings.empty()) << result.warnings[0];
  }
  Example after;
  after.fit(after.model, 0.1);
  EXPECT_NEAR(after.loss(inference_form(after.model)), 0.003716, 2e-6);
  const Trainable prepared = prepare_qat(after.model, qconfig("octet"));
  after.fit(prepared, 0.01);
  EXPECT_LE(after.loss(convert(prepared).model), 0.0035);
}

// Weights move faster than torch's ranges follow: the same losses, and a word about it.
TEST(QatTraining, PresetsOfTorchTrainAsTorchDoesAndWarn) {
  std::ifstream file(octet::testing::source_dir("tests/golden/qat.json"));
  const nlohmann::json golden = nlohmann::json::parse(file).at("example");
  for (const auto& row : golden) {
    const std::string preset = row.at("preset");
    SCOPED_TRACE(preset);
    Example example;
    const Trainable prepared = prepare_qat(example.model, qconfig(preset));
    const std::vector<double> losses = example.fit(prepared, 0.1);
    const auto expected = row.at("losses").get<std::vector<double>>();
    ASSERT_EQ(losses.size(), expected.size());
    // A value at a tie falls to either side, and the losses part slowly from there.
    for (std::size_t i = 0; i < 20; ++i) EXPECT_NEAR(losses[i], expected[i], 2e-4 * expected[i]) << "step " << i;
    EXPECT_NEAR(losses.back(), expected.back(), 0.01 * expected.back());
    const QuantizeResult result = convert(prepared);
    EXPECT_NEAR(example.loss(result.model), example.loss(fake_quantized_form(prepared)), 2e-3);
    EXPECT_GE(result.warnings.size(), 2U);
    EXPECT_NE(result.warnings[0].find("keeps clipping"), std::string::npos);
  }
}

// The article's second mistake: an optimizer made before the preparation. Here both hold the same numbers, so it
// trains.
TEST(QatMistakes, AnOptimizerMadeBeforePreparationTrainsTheSameNumbers) {
  Example example;
  std::vector<Parameter> parameters;
  for (const auto& [name, tensor] : example.net.named_parameters()) parameters.push_back({name, tensor});
  auto optimizer = make_optimizer(Adam{.lr = 0.1}, parameters);  // before
  const Trainable prepared = prepare_qat(example.model, qconfig("octet"));
  const double before = mean_loss(inference_form(example.model), MeanSquaredError{}, example.test);
  Trainer trainer(prepared, std::move(optimizer), 0.1,
                  {.loss = MeanSquaredError{}, .epochs = 100, .batch = 10000, .shuffle = false});
  trainer.fit(example.training);
  EXPECT_GT(before, 10);
  EXPECT_LE(example.loss(convert(prepared).model), 0.0062);
}

// And one that holds another model's numbers is refused, by name.
TEST(QatMistakes, AnOptimizerOfAnotherModelIsRefused) {
  Example example, other;
  std::vector<Parameter> parameters;
  for (const auto& [name, tensor] : other.net.named_parameters()) parameters.push_back({name, tensor});
  try {
    const Trainer trainer(prepare_qat(example.model, qconfig("octet")), make_optimizer(Adam{}, parameters), 0.1,
                          {.loss = MeanSquaredError{}});
    FAIL() << "nothing would be trained, without a word";
  } catch (const Error& error) {
    EXPECT_EQ(error.info().kind, ErrorKind::usage);
    EXPECT_NE(std::string(error.what()).find("0.weight"), std::string::npos) << error.what();
  }
}

TEST(QatTraining, LearnedScalesTrainFromCalibration) {
  Example example;
  example.fit(example.model, 0.1);
  Trainable prepared = prepare_qat(example.model, qconfig("octet", {.learned = true}));
  EXPECT_THROW(example.fit(prepared, 0.01, 1), Error);  // scales were never set
  calibrate_qat(prepared, [&](bool first) -> std::optional<NamedTensors> {
    if (!first) return std::nullopt;
    return NamedTensors{{"x", nn::rand({1000, 3}, example.random)}};
  });
  const float before = prepared.graph.initializer(prepared.graph.find("x/scale"))->data<float>()[0];
  const std::vector<double> losses = example.fit(prepared, 0.01);
  EXPECT_NE(before, prepared.graph.initializer(prepared.graph.find("x/scale"))->data<float>()[0]);
  EXPECT_LE(example.loss(convert(prepared).model), 0.0040);
}

}  // namespace
}  // namespace octet::train
