// A network that was trained elsewhere: fine-tuned on pictures in float, then quantization-aware in eight and four
// bits, each beside post-training quantization of the same fine-tuned network.
//
//   build/bench/cifar_qat MODEL TRAIN TEST [FLOAT_EPOCHS] [W8A8_EPOCHS] [W4A4_EPOCHS]     (defaults: 4, 1, 4)
//
// TRAIN and TEST are folders of pictures, a folder a class; preprocess.json lies beside MODEL.
#include "bench/training/qat.h"
#include "octet/formats/onnx/onnx.h"

namespace octet::bench {
namespace {

Recipe recipe(double rate, std::int64_t epochs) {
  train::TrainerOptions options{.epochs = epochs, .batch = 128, .seed = 1};
  options.schedule.kind = train::Schedule::Kind::cosine;
  options.augment = {.flip = true, .crop_padding = 4};
  options.on_epoch = [](const train::EpochReport& epoch) {
    fmt::print("    epoch {} loss {:.4f}\n", epoch.epoch, epoch.train_loss);
    std::fflush(stdout);
  };
  return {train::Sgd{.lr = rate, .momentum = 0.9, .weight_decay = 1e-4, .nesterov = true}, options};
}

void run(const std::string& path, const std::string& training_folder, const std::string& test_folder,
         const std::vector<std::int64_t>& epochs) {
  const Graph graph = load_onnx(path);
  const train::Samples training(formats::open_dataset(training_folder, graph, path, {})),
      test(formats::open_dataset(test_folder, graph, path, {}));
  const auto show = [](const char* what, double top) {
    fmt::print("{:<26} {:.2f} %\n", what, top);
    std::fflush(stdout);
  };
  show("as it came", top1(graph, test));
  Trainable model = copy_of(make_trainable(graph));
  const Recipe in_float = recipe(0.05, epochs[0]);
  train::Trainer(model, in_float.optimizer, in_float.options).fit(training);
  const Graph tuned = inference_form(model);
  show("float32, fine-tuned", top1(tuned, test));
  show("W8A8 post-training", top1(quantize(tuned, Static{.calibration = calibration(training)}).model, test));
  show("W8A8 QAT", qat(copy_of(model), {}, recipe(0.0005, epochs[1]), training, test));
  constexpr QConfigOptions kFour{.weight_bits = 4, .activation_bits = 4};
  show("W4A4 post-training", qat(copy_of(model), kFour, recipe(1, 0), training, test));
  show("W4A4 QAT", qat(copy_of(model), kFour, recipe(0.02, epochs[2]), training, test));
}

}  // namespace
}  // namespace octet::bench

int main(int argc, char** argv) {
  if (argc < 4) {
    fmt::print(stderr, "usage: cifar_qat MODEL TRAIN TEST [FLOAT_EPOCHS] [W8A8_EPOCHS] [W4A4_EPOCHS]\n");
    return 2;
  }
  try {
    std::vector<std::int64_t> epochs = {4, 1, 4};
    for (int i = 4; i < argc && i < 7; ++i) epochs[static_cast<std::size_t>(i - 4)] = std::stoll(argv[i]);
    octet::bench::run(argv[1], argv[2], argv[3], epochs);
    return 0;
  } catch (const octet::Error& error) {
    fmt::print(stderr, "{}\n", error.what());
    return octet::exit_code(error.info().kind);
  }
}
