// Dynamic quantization: a network learns y = x W; its weights go to int8 and its activations are quantized as they
// come.
//
//   build/examples/dynamic_quantization
#include <fmt/core.h>

#include "octet/octet.h"

namespace {

namespace nn = octet::nn;
namespace train = octet::train;
using octet::Tensor;

struct Net : nn::Module {
  nn::Linear fc1, fc2;
  explicit Net(octet::Random& random) : fc1(3, 3, random), fc2(3, 2, random) {
    add("fc1", fc1);
    add("fc2", fc2);
  }
  nn::Value forward(const nn::Value& x) override { return fc2(nn::relu(fc1(x))); }
};

// Rows drawn uniform in [0, 1), and y = x W of each.
train::Samples draw(std::int64_t rows, octet::Random& random) {
  constexpr float kW[3][2] = {{1.12f, 1.6f}, {2.24f, 2.5f}, {3.6f, 3.9f}};
  const Tensor x = nn::rand({rows, 3}, random);
  Tensor y = Tensor::zeros(octet::DType::f32, {rows, 2});
  for (std::int64_t i = 0; i < 3 * rows; ++i) {
    for (std::int64_t j = 0; j < 2; ++j) y.data<float>()[i / 3 * 2 + j] += x.data<float>()[i] * kW[i % 3][j];
  }
  return train::Samples({{"x", x}}, y);
}

void show(const char* what, const octet::Graph& model, const train::Samples& test) {
  fmt::print("{:<28} {:.6f}\n", what, train::mean_loss(model, train::MeanSquaredError{}, test, 5000));
}

void run() {
  octet::Random random(42);
  const train::Samples training = draw(10000, random), test = draw(5000, random);
  Net net(random);
  train::Trainer trainer(nn::to_trainable(net, {{"x", octet::DType::f32, {octet::Dim("N"), 3}}}),
                         train::Adam{.lr = 0.1},
                         {.loss = train::MeanSquaredError{}, .epochs = 100, .batch = 10000, .shuffle = false});
  trainer.fit(training);

  const octet::Graph trained = trainer.trained();
  show("float test loss", trained, test);
  for (int i = 0; i < 9; ++i)
    fmt::print("{}{:9.6f}", i % 3 == 0 ? "\nfc1.weight  " : "  ", net.fc1.weight.data<float>()[i]);
  fmt::print("\n\n");

  // As torch.quantization.quantize_dynamic has it: one scale a tensor; seven bits of activations on its x86 engines.
  octet::Dynamic method{.per_row = false, .per_channel = false, .numerics = octet::Numerics::torch};
  show("int8 test loss, qnnpack", octet::quantize(trained, method).model, test);
  method.reduce_range = true;
  const octet::QuantizeResult x86 = octet::quantize(trained, method);
  show("int8 test loss, x86, onednn", x86.model, test);

  const octet::QuantizedWeight fc1 = octet::quantized_weight(x86.model, "fc1.weight");
  for (int i = 0; i < 9; ++i)
    fmt::print("{}{:4}", i % 3 == 0 ? "\nfc1 int8    " : "  ", fc1.values.data<std::int8_t>()[i]);
  fmt::print("\nfc1 scale   {:.9g}, zero point 0\n", fc1.scales.at(0));
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
