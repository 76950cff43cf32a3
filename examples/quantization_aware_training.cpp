// Quantization-aware training: fake quantization goes in, the network learns around it, integers come out.
//
//   build/examples/quantization_aware_training
#include <fmt/core.h>

#include "octet/octet.h"

namespace {

namespace nn = octet::nn;
namespace train = octet::train;
using octet::Tensor;

// Rows drawn uniform in [0, 1), with the answers y = x W.
train::Samples draw(std::int64_t rows, octet::Random& random) {
  constexpr float kW[3][2] = {{1.12f, 1.6f}, {2.24f, 2.5f}, {3.6f, 3.9f}};
  const Tensor x = nn::rand({rows, 3}, random);
  Tensor y = Tensor::zeros(octet::DType::f32, {rows, 2});
  for (std::int64_t i = 0; i < x.elements(); ++i) {
    for (std::int64_t j = 0; j < 2; ++j) y.data<float>()[i / 3 * 2 + j] += x.data<float>()[i] * kW[i % 3][j];
  }
  return train::Samples({{"x", x}}, y);
}

void fit(const octet::Trainable& model, double rate, const train::Samples& data) {
  train::Trainer(model, train::Adam{.lr = rate},
                 {.loss = train::MeanSquaredError{}, .epochs = 100, .batch = 10000, .shuffle = false})
      .fit(data);
}

double loss(const octet::Graph& network, const train::Samples& test) {
  return train::mean_loss(network, train::MeanSquaredError{}, test);
}

// Trains a fresh network for 100 steps in float (or not), prepared for 100 more; shows both losses and all warnings.
void show(const char* preset, bool float_first) {
  octet::Random random(42);
  const train::Samples training = draw(10000, random), test = draw(5000, random);
  nn::Sequential net;
  net.append<nn::Linear>(3, 3, random).append<nn::ReLU>().append<nn::Linear>(3, 2, random);
  const octet::Trainable model = nn::to_trainable(net, {{"x", octet::DType::f32, {octet::Dim("N"), 3}}});
  if (float_first) fit(model, 0.1, training);
  const octet::Trainable prepared = octet::prepare_qat(model, octet::qconfig(preset));  // shares the parameters
  fit(prepared, float_first ? 0.01 : 0.1, training);
  const octet::QuantizeResult integers = octet::convert(prepared);
  fmt::print("{:<8} {:<14} fake-quantized {:.4f}  int8 {:.4f}\n", preset, float_first ? "after float" : "from scratch",
             loss(octet::fake_quantized_form(prepared), test), loss(integers.model, test));
  for (const std::string& warning : integers.warnings) fmt::print("    warning: {}\n", warning);
}

}  // namespace

int main() {
  try {
    show("octet", false);
    show("octet", true);
    for (const char* preset : {"x86", "onednn", "qnnpack"}) show(preset, false);
    show("onednn", true);
    return 0;
  } catch (const octet::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return octet::exit_code(error.info().kind);
  }
}
