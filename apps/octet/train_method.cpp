#include "apps/octet/train_method.h"

#include <fmt/format.h>

#include <numeric>

#include "octet/nn/init.h"
#include "octet/quant/qat/qat.h"
#include "octet/train/lora.h"

namespace octet::app {
namespace {

constexpr std::int64_t kCalibrationSamples = 256;

// The first samples of the data in the order of a seed, batch by batch.
CalibrationSource calibration(const train::Samples& data, std::int64_t batch, std::uint64_t seed) {
  Random random(seed + 1);
  std::vector<std::int64_t> order = nn::random_permutation(data.size(), random);
  order.resize(static_cast<std::size_t>(std::min(kCalibrationSamples, data.size())));
  return [&data, order, batch, at = std::size_t{0},
          open = std::vector<train::Batch>()](bool first) mutable -> std::optional<NamedTensors> {
    if (first) {
      at = 0;
      open.clear();
    }
    while (open.empty() && at < order.size()) {
      const std::size_t count = std::min(static_cast<std::size_t>(batch), order.size() - at);
      open = data.gather(std::span(order).subspan(at, count));
      at += count;
    }
    if (open.empty()) return std::nullopt;
    NamedTensors inputs = std::move(open.back().inputs);
    open.pop_back();
    return inputs;
  };
}

Trainable for_quantization(const TrainOptions& o, const Trainable& model, const train::Samples& data,
                           train::TrainerOptions& trainer, std::vector<std::string>& warnings) {
  QConfigOptions form;
  form.weight_bits = o.weight_bits;
  form.activation_bits = o.activation_bits;
  form.learned = o.learned_scale;
  form.power_of_two = o.power_of_two;
  QConfig config = qconfig(o.qat, form);
  if (o.observe_until < 1) config.schedule.observe_until = step_at(o, o.observe_until, data.size());
  QatReport report;
  Trainable prepared = prepare_qat(model, config, &report);
  warnings.insert(warnings.end(), report.warnings.begin(), report.warnings.end());
  const bool learned = config.activation.source == RangeSource::learned || config.weight.source == RangeSource::learned;
  // Whether it resumes or not: where scales start is part of the model that a checkpoint belongs to.
  if (learned) calibrate_qat(prepared, calibration(data, o.batch, o.seed), Observer::mse, o.threads);
  trainer.finish = [](const Trainable& trained) { return convert(trained).model; };
  return prepared;
}

}  // namespace

Trainable apply_method(const TrainOptions& o, const Trainable& model, const train::Samples& data,
                       train::TrainerOptions& trainer, std::vector<std::string>& warnings) {
  trainer.configuration = fmt::format("{} {} {} {} {} {}", method_name(o), o.learned_scale, o.power_of_two,
                                      o.lora_alpha, fmt::join(o.lora_layers, " "), o.freeze_batch_norm);
  if (!o.qat.empty()) return for_quantization(o, model, data, trainer, warnings);
  Trainable out = model;
  train::StoredWeights stored{o.block, o.master, {}};
  if (o.lora > 0) {
    train::LoraOptions form;
    form.rank = o.lora;
    form.alpha = o.lora_alpha;
    form.seed = o.seed;
    if (!o.lora_layers.empty()) form.layers = o.lora_layers;
    out = train::add_lora(model, form);
    stored.frozen = train::lora_bases(out);
    trainer.finish = [](const Trainable& trained) {
      Graph graph = inference_form(trained);
      train::merge_lora(graph);
      return graph;
    };
  }
  if (!o.weights_in.empty()) trainer.stored = stored;
  return out;
}

std::string method_name(const TrainOptions& o) {
  if (!o.qat.empty()) return fmt::format("qat {} w{}a{}", o.qat, o.weight_bits, o.activation_bits);
  const std::string base =
      o.weights_in.empty() ? "float32" : fmt::format("{}{}", o.weights_in, o.master ? " with masters" : "");
  return o.lora > 0 ? fmt::format("lora {} on {}", o.lora, base) : o.weights_in.empty() ? base : "weights in " + base;
}

}  // namespace octet::app
