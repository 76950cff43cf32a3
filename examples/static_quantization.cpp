// Static quantization: as in dynamic_quantization, but the ranges of the activations come from calibration.
//
//   build/examples/static_quantization
#include <fmt/core.h>

#include "octet/octet.h"

namespace {

namespace nn = octet::nn;
namespace train = octet::train;
using octet::Tensor;

// Rows drawn uniform in [0, 1).
Tensor draw(std::int64_t rows, octet::Random& random) { return nn::rand({rows, 3}, random); }

// y = x W of each row.
train::Samples with_answers(const Tensor& x) {
  constexpr float kW[3][2] = {{1.12f, 1.6f}, {2.24f, 2.5f}, {3.6f, 3.9f}};
  Tensor y = Tensor::zeros(octet::DType::f32, {x.dim(0), 2});
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    for (std::int64_t j = 0; j < 2; ++j) y.data<float>()[i / 3 * 2 + j] += x.data<float>()[i] * kW[i % 3][j];
  }
  return train::Samples({{"x", x}}, y);
}

void show(const char* what, const octet::Graph& model, const train::Samples& test) {
  fmt::print("{:<24} {:.6f}\n", what, train::mean_loss(model, train::MeanSquaredError{}, test));
}

void run() {
  octet::Random random(42);
  const train::Samples training = with_answers(draw(10000, random)), test = with_answers(draw(5000, random));
  const Tensor calibration = draw(5000, random);
  nn::Sequential net;
  net.append<nn::Linear>(3, 3, random).append<nn::ReLU>().append<nn::Linear>(3, 2, random);
  train::Trainer trainer(nn::to_trainable(net, {{"x", octet::DType::f32, {octet::Dim("N"), 3}}}),
                         train::Adam{.lr = 0.1},
                         {.loss = train::MeanSquaredError{}, .epochs = 100, .batch = 10000, .shuffle = false});
  trainer.fit(training);
  const octet::Graph trained = trainer.trained();
  show("float test loss", trained, test);

  // As the eager mode of torch 1.13 has it: histograms of every layer's output, which is quantized before its
  // activation.
  octet::Static method{.observer = octet::Observer::histogram_torch1, .numerics = octet::Numerics::torch};
  method.calibration = [&](bool first) -> std::optional<octet::NamedTensors> {
    if (!first) return std::nullopt;
    return octet::NamedTensors{{"x", calibration}};
  };
  method.keep_sensitive_float = false;
  method.every_output = method.float_bias = true;
  const octet::QuantizeResult onednn = octet::quantize(trained, method);
  show("int8 test loss, onednn", onednn.model, test);
  method.per_channel = method.float_bias = false;
  show("int8 test loss, qnnpack", octet::quantize(trained, method).model, test);

  const auto constant = [&](const char* name) {
    return onednn.model.initializer(onednn.model.find(name))->to_double().at(0);
  };
  fmt::print("\nfc1 output scale {:.9g}, zero point {}\n", constant("0.out_scale"), constant("0.out_zero_point"));
}

}  // namespace

int main() {
  try {
    run();
    return 0;
  } catch (const octet::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return octet::exit_code(error.info().kind);
  }
}
