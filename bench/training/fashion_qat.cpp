// Fashion-MNIST in eight and four bits: float, quantization-aware training beside plain post-training quantization, and
// training with weights stored in eight bits without masters.
//
//   build/bench/fashion_qat [FLOAT_EPOCHS] [QAT_EPOCHS] [SEEDS] [IMAGES]     (defaults: 10, 2, 3, 60000)
#include "bench/training/fashion.h"
#include "bench/training/qat.h"

namespace octet::bench {
namespace {

constexpr QConfigOptions kFour{.weight_bits = 4, .activation_bits = 4};

struct Settings {
  std::int64_t epochs = 10, qat_epochs = 2, seeds = 3, images = 60000;
};

train::Samples first(const train::Samples& all, std::int64_t count) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(count));
  std::iota(indices.begin(), indices.end(), 0);
  const train::Batch batch = all.gather(indices).at(0);
  return train::Samples(batch.inputs, batch.target);
}

Recipe recipe(double rate, std::int64_t epochs, std::uint64_t seed) {
  train::TrainerOptions options{.epochs = epochs, .batch = 128, .seed = seed};
  options.schedule.kind = train::Schedule::Kind::one_cycle;
  options.augment.flip = true;
  return {train::AdamW{.lr = rate, .weight_decay = 1e-2}, options};
}

double stored(const Trainable& model, std::int64_t epochs, std::uint64_t seed, const train::Samples& data,
              const train::Samples& test) {
  train::EightBitTraining training(model, train::AdamW{.lr = 1e-2, .weight_decay = 1e-2, .bits = 8}, {.seed = seed});
  Random random(seed);
  std::vector<std::int64_t> order(static_cast<std::size_t>(data.size()));
  std::iota(order.begin(), order.end(), 0);
  const std::int64_t batches = data.size() / 128, steps = batches * epochs;
  for (std::int64_t step = 0; step < steps; ++step) {
    if (step % batches == 0) {
      for (std::size_t i = order.size(); i-- > 1;) std::swap(order[i], order[random.next_u32() % (i + 1)]);
    }
    const std::span<const std::int64_t> now(order.data() + step % batches * 128, 128);
    // Warm-up over a tenth of the steps, then a falling line.
    const double at = static_cast<double>(step) / static_cast<double>(steps);
    training.step(data.gather(now).at(0), 1e-2 * std::min(at / 0.1 + 0.01, (1 - at) / 0.9));
  }
  fmt::print("    {:.2f} bytes a parameter, {} steps skipped\n", training.bytes().per_parameter(),
             training.loss_scale().skipped());
  return top1(training.trained(), test);
}

void run(const Settings& s) {
  const train::Samples training = first(fashion("train"), s.images), test = fashion("t10k");
  fmt::print("{} images, {} epochs in float, {} quantization-aware\n", s.images, s.epochs, s.qat_epochs);
  double sums[5] = {};
  const char* names[] = {"float32", "W8A8 QAT", "W4A4 post-training", "W4A4 QAT", "8 bits stored, no master"};
  for (std::int64_t n = 0; n < s.seeds; ++n) {
    const auto seed = static_cast<std::uint64_t>(n + 1);
    const auto build = [&](std::unique_ptr<nn::Module>& net) {
      Random random(seed);
      net = fashion_network(random);
      return nn::to_trainable(*net, {{"image", DType::f32, {Dim("N"), 1, 28, 28}}});
    };
    std::unique_ptr<nn::Module> net, other;
    const Trainable model = build(net);
    const Recipe in_float = recipe(1e-2, s.epochs, seed), aware = recipe(2e-3, s.qat_epochs, seed);
    train::Trainer(model, in_float.optimizer, in_float.options).fit(training);
    const auto show = [&](int what, double top) {
      sums[what] += top;
      fmt::print("seed {}  {:<26} {:.2f} %\n", seed, names[what], top);
      std::fflush(stdout);
    };
    show(0, top1(inference_form(model), test));
    show(1, qat(copy_of(model), {}, aware, training, test));
    show(2, qat(copy_of(model), kFour, recipe(0, 0, seed), training, test));
    show(3, qat(copy_of(model), kFour, aware, training, test));
    show(4, stored(build(other), s.epochs, seed, training, test));
  }
  fmt::print("\nmean of {} seeds\n", s.seeds);
  for (int i = 0; i < 5; ++i) {
    fmt::print("{:<26} {:.2f} %  ({:+.2f})\n", names[i], sums[i] / static_cast<double>(s.seeds),
               (sums[i] - sums[0]) / static_cast<double>(s.seeds));
  }
}

}  // namespace
}  // namespace octet::bench

int main(int argc, char** argv) {
  try {
    octet::bench::Settings settings;
    std::int64_t* const fields[] = {&settings.epochs, &settings.qat_epochs, &settings.seeds, &settings.images};
    for (int i = 1; i < argc && i <= 4; ++i) *fields[i - 1] = std::stoll(argv[i]);
    octet::bench::run(settings);
    return 0;
  } catch (const octet::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return octet::exit_code(error.info().kind);
  }
}
