// How well a small network learns Fashion-MNIST in float32.
//
//   build/bench/fashion_mnist [EPOCHS] [SEED] [OUTPUT.onnx]        (defaults: 10, 1)
#include <fmt/core.h>

#include <chrono>

#include "bench/training/fashion.h"
#include "bench/training/qat.h"

namespace octet::bench {
namespace {

void run(std::int64_t epochs, std::uint64_t seed, const char* output) {
  const train::Samples training = fashion("train"), test = fashion("t10k");
  Random random(seed);
  const auto net = fashion_network(random);
  train::TrainerOptions options{.epochs = epochs, .batch = 128, .seed = seed};
  options.schedule.kind = train::Schedule::Kind::one_cycle;
  options.augment.flip = true;
  options.evaluate = [&](const Graph& graph) { return top1(graph, test); };
  auto began = std::chrono::steady_clock::now();
  options.on_epoch = [&](const train::EpochReport& epoch) {
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - began;
    fmt::print("epoch {:2}  train loss {:.4f}  test {:.2f} %  {:.1f} s\n", epoch.epoch, epoch.train_loss, *epoch.eval,
               taken.count());
    std::fflush(stdout);
    began = std::chrono::steady_clock::now();
  };
  train::Trainer trainer(nn::to_trainable(*net, {{"image", DType::f32, {Dim("N"), 1, 28, 28}}}),
                         train::AdamW{.lr = 1e-2, .weight_decay = 1e-2}, options);
  const train::TrainResult result = trainer.fit(training);
  fmt::print("{} parameters, test accuracy {:.2f} % after {} epochs (asked: 91.5 %)\n", result.parameter_count,
             *result.epochs.back().eval, result.epochs.size());
  if (output != nullptr) save_onnx(trainer.trained(), output);
}

}  // namespace
}  // namespace octet::bench

int main(int argc, char** argv) {
  try {
    octet::bench::run(argc > 1 ? std::atoll(argv[1]) : 10, argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1,
                      argc > 3 ? argv[3] : nullptr);
    return 0;
  } catch (const octet::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return octet::exit_code(error.info().kind);
  }
}
