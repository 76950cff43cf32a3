// Training with weights that live in eight bits all along, with float32 masters beside them or without.
//
//   build/examples/eight_bit_training
#include <fmt/core.h>

#include <algorithm>

#include "octet/octet.h"

namespace {

namespace nn = octet::nn;
namespace train = octet::train;
using octet::Tensor;

// Rows drawn uniform in [0, 1), with the answers y = x W.
train::Batch draw(std::int64_t rows, octet::Random& random) {
  constexpr float kW[3][2] = {{1.12f, 1.6f}, {2.24f, 2.5f}, {3.6f, 3.9f}};
  const Tensor x = nn::rand({rows, 3}, random);
  Tensor y = Tensor::zeros(octet::DType::f32, {rows, 2});
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    for (std::int64_t j = 0; j < 2; ++j) y.data<float>()[i / 3 * 2 + j] += x.data<float>()[i] * kW[i % 3][j];
  }
  return {.inputs = {{"x", x}}, .target = y, .samples = rows, .indices = {}};
}

constexpr int kSteps = 200;

// The rate falls over the second half, so that what rounding leaves to chance settles.
double rate(int step) { return 0.1 * std::min(1.0, (kSteps - step) / 100.0); }

// The test loss of a fresh network that `train_it` trains.
template <class Train>
double trained_loss(const Train& train_it) {
  octet::Random random(42);
  const train::Batch training = draw(10000, random), test = draw(5000, random);
  nn::Sequential net;
  net.append<nn::Linear>(3, 3, random).append<nn::ReLU>().append<nn::Linear>(3, 2, random);
  const octet::Graph trained =
      train_it(nn::to_trainable(net, {{"x", octet::DType::f32, {octet::Dim("N"), 3}}}), training);
  return train::mean_loss(trained, train::MeanSquaredError{}, train::Samples(test.inputs, test.target));
}

octet::Graph in_float(const octet::Trainable& model, const train::Batch& batch) {
  const train::TrainingStep step(model, {.loss = train::MeanSquaredError{}});
  std::vector<train::Parameter> parameters;
  for (const std::string& name : model.parameters) parameters.push_back({name, train::tensor_of(model.graph, name)});
  const auto optimizer = train::make_optimizer(train::Adam{}, parameters);
  octet::ThreadPool threads;
  for (int i = 0; i < kSteps; ++i) optimizer->step(step.run(batch, i).gradients, rate(i), threads);
  return octet::inference_form(model);
}

octet::Graph in_eight_bits(const octet::Trainable& model, const train::Batch& batch, bool master) {
  const train::EightBitOptions options{.loss = train::MeanSquaredError{}, .block = 0, .master = master, .seed = 42};
  train::EightBitTraining training(model, train::Adam{.lr = 0.1, .bits = 8}, options);
  for (int step = 0; step < kSteps; ++step) training.step(batch, rate(step));
  fmt::print("  {:.2f} bytes a parameter, loss scale {:g}, {} steps skipped\n", training.bytes().per_parameter(),
             training.loss_scale().value(), training.loss_scale().skipped());
  return training.trained();
}

}  // namespace

int main() {
  try {
    fmt::print("float              {:.6f}\n", trained_loss(in_float));
    for (const bool master : {true, false}) {
      const double loss = trained_loss([&](const auto& m, const auto& b) { return in_eight_bits(m, b, master); });
      fmt::print("{}  {:.6f}\n", master ? "8 bits, masters  " : "8 bits, no master", loss);
    }
    return 0;
  } catch (const octet::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return octet::exit_code(error.info().kind);
  }
}
