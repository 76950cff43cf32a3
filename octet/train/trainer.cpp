#include "octet/train/trainer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <numeric>

#include "octet/nn/init.h"
#include "octet/quant/qat/qat.h"
#include "octet/train/trainer_state.h"

namespace octet::train {
namespace {

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

// The order of an epoch's samples: a function of seed and epoch alone.
std::vector<std::int64_t> epoch_order(std::int64_t count, bool shuffle, std::uint64_t seed, std::int64_t epoch) {
  if (shuffle) {
    Random random(CountedRandom(seed, epoch, -1).next());
    return nn::random_permutation(count, random);
  }
  std::vector<std::int64_t> out(static_cast<std::size_t>(count));
  std::iota(out.begin(), out.end(), 0);
  return out;
}

// sum += part * weight, element by element.
void add_scaled(Tensor& sum, const Tensor& part, float weight, ThreadPool& threads) {
  float* const to = sum.data<float>();
  const float* from = part.data<float>();
  threads.parallel_for(sum.elements(), 1 << 14, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) to[i] += weight * from[i];
  });
}

void copy_into(const Tensor& from, Tensor to) {
  if (from.bytes() != 0) std::memcpy(to.raw(), from.raw(), from.bytes());
}

}  // namespace

Trainer::Trainer(Trainable model, const OptimizerOptions& optimizer, TrainerOptions options)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.model = std::move(model);
  s.options = std::move(options);
  s.rate = base_rate(optimizer);
  s.check_options();
  s.threads = std::make_unique<ThreadPool>(s.options.threads);
  s.find_hashes(&optimizer);
  if (const auto& stored = s.options.stored) {
    s.check_stored();
    const EightBitOptions form{s.options.loss, s.options.output, stored->block,
                               stored->master, s.options.seed,   s.options.threads};
    s.eight_bit = std::make_unique<EightBitTraining>(s.model, optimizer, form, stored->frozen);
    return;
  }
  std::vector<Parameter> parameters;
  for (const std::string& name : s.model.parameters) parameters.push_back({name, tensor_of(s.model.graph, name)});
  s.optimizer = make_optimizer(optimizer, std::move(parameters));
  s.make_training();
  s.check_reached();
}

Trainer::Trainer(Trainable model, std::unique_ptr<Optimizer> optimizer, double rate, TrainerOptions options)
    : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.model = std::move(model);
  s.options = std::move(options);
  s.rate = rate;
  s.optimizer = std::move(optimizer);
  s.check_options();
  s.check_shared();
  s.find_hashes(nullptr);
  s.make_training();
  s.check_reached();
  s.threads = std::make_unique<ThreadPool>(s.options.threads);
}

Trainer::~Trainer() = default;
Trainer::Trainer(Trainer&&) noexcept = default;

void Trainer::State::make_training() {
  running = frozen ? freeze_batch_norms(model) : model;
  const StepOptions form{options.loss, options.output, options.teacher, options.recompute, options.threads};
  training = std::make_unique<TrainingStep>(running, form);
}

void Trainer::State::check_options() const {
  const auto require = [](bool fits, const char* option, double value, const char* expected) {
    if (fits) return;
    throw Error(ErrorKind::usage, std::string("the trainer's option ") + option + " is out of range")
        .value(fmt::format("{}", value))
        .expected(expected);
  };
  const TrainerOptions& o = options;
  require(o.epochs > 0, "epochs", static_cast<double>(o.epochs), "at least 1");
  require(o.batch > 0, "batch", static_cast<double>(o.batch), "at least 1");
  require(o.accumulate > 0, "accumulate", static_cast<double>(o.accumulate), "at least 1");
  require(o.ema >= 0 && o.ema < 1, "ema", o.ema, "0 <= ema < 1");
  require(o.clip_norm >= 0, "clip_norm", o.clip_norm, "at least 0");
  require(o.clip_value >= 0, "clip_value", o.clip_value, "at least 0");
  require(o.freeze_batch_norm_from >= -1, "freeze_batch_norm_from", static_cast<double>(o.freeze_batch_norm_from),
          "a step, or -1");
  require(o.checkpoint_every >= 0, "checkpoint_every", static_cast<double>(o.checkpoint_every), "at least 0");
  require(std::isfinite(rate) && rate > 0, "lr", rate, "above 0");
  if (o.teacher) {
    require(o.teacher->weight >= 0 && o.teacher->weight <= 1, "teacher.weight", o.teacher->weight, "0 to 1");
    require(o.teacher->temperature > 0, "teacher.temperature", o.teacher->temperature, "above 0");
  }
  if (o.resume && o.checkpoints.empty())
    throw Error(ErrorKind::usage, "to resume, the folder with the checkpoints must be named");
}

void Trainer::State::check_stored() const {
  const TrainerOptions& o = options;
  const char* with = o.teacher                       ? "a teacher"
                     : o.accumulate != 1             ? "accumulated batches"
                     : o.ema > 0                     ? "an average of the weights"
                     : o.recompute                   ? "recomputation"
                     : o.freeze_batch_norm_from >= 0 ? "batch norms that freeze later"
                     : o.clip_norm > 0               ? "clipped gradients"
                     : o.clip_value > 0              ? "clipped gradients"
                                                     : nullptr;
  if (with == nullptr) return;
  throw Error(ErrorKind::usage, std::string("weights in eight bits do not go together with ") + with);
}

void Trainer::State::check_reached() const {
  const std::vector<std::string>& unreached = training->unreached();
  if (unreached.empty()) return;
  throw Error(ErrorKind::usage,
              "the optimizer holds parameters that the loss does not depend on: they would never change")
      .tensor(unreached.front())
      .value(fmt::format("{}", fmt::join(unreached, ", ")))
      .expected("a path from each parameter to the loss")
      .hint("freeze them, or take the loss of an output that they reach");
}

void Trainer::State::check_shared() const {
  for (const Parameter& held : optimizer->parameters()) {
    const ValueId id = model.graph.find(held.name);
    const Tensor* own = id == kNoValue ? nullptr : model.graph.initializer(id);
    if (own != nullptr && own->identity() == held.value.identity()) continue;
    throw Error(ErrorKind::usage, own == nullptr
                                      ? "the optimizer holds a parameter that the model does not have"
                                      : "the optimizer holds a copy of a parameter: the model would not be trained")
        .tensor(held.name)
        .hint("make the optimizer from the parameters of the model that is trained");
  }
  const auto count = optimizer->parameters().size();
  if (count != model.parameters.size()) {
    throw Error(ErrorKind::usage, "the optimizer does not hold all parameters of the model")
        .value(std::to_string(count))
        .expected(std::to_string(model.parameters.size()));
  }
}

std::int64_t Trainer::State::steps_per_epoch(const Samples& data) const {
  return (data.size() + samples_per_step() - 1) / samples_per_step();
}

void Trainer::State::require_finite(double value, const std::vector<Batch>& batches, const ExtraInputs& extra) const {
  if (std::isfinite(value)) return;
  std::string where;
  for (const Batch& batch : batches) {
    if (where.empty()) where = training->first_nonfinite(batch, step, extra);
  }
  Error error(ErrorKind::gate, "training stopped: the loss or a gradient is not finite");
  error.node(where.empty() ? "octet.loss" : where).value(fmt::format("{} in step {}", value, step + 1));
  error.expected("finite numbers");
  const std::string kept = last_checkpoint ? "the last good checkpoint is " + last_checkpoint->string() + "; " : "";
  throw error.hint(kept + "try a lower learning rate, --clip-norm or --warm-up");
}

void Trainer::State::apply(std::vector<Tensor>& gradients, const std::vector<Tensor>& states, StepReport& report) {
  if (options.clip_value > 0) clip_value(gradients, options.clip_value);
  if (options.clip_norm > 0) clip_norm(gradients, options.clip_norm);
  optimizer->step(gradients, report.rate, *threads);
  for (std::size_t i = 0; i < states.size(); ++i)
    copy_into(states[i], tensor_of(running.graph, running.states[i].name));
  if (options.ema == 0) return;
  const auto keep = static_cast<float>(1 - options.ema);
  for (std::size_t i = 0; i < averages.size(); ++i) {
    float* const a = averages[i].data<float>();
    const float* p = optimizer->parameters()[i].value.data<float>();
    for (std::int64_t k = 0; k < averages[i].elements(); ++k) a[k] += keep * (p[k] - a[k]);
  }
}

void Trainer::State::step_in_float(const std::vector<Batch>& batches, const ExtraInputs& extra, StepReport& report) {
  std::vector<Tensor> gradients, states;
  for (const Batch& batch : batches) {
    StepOutput out = training->run(batch, step, extra);
    require_finite(out.loss, batches, extra);
    const auto share = static_cast<double>(batch.samples) / static_cast<double>(report.samples);
    report.loss += share * out.loss;
    if (batches.size() == 1) {
      gradients = std::move(out.gradients);
      states = std::move(out.states);
      break;
    }
    if (gradients.empty()) {
      for (const Tensor& g : out.gradients) gradients.push_back(g.defined() ? Tensor::zeros(g.dtype(), g.shape()) : g);
    }
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      if (gradients[i].defined()) add_scaled(gradients[i], out.gradients[i], static_cast<float>(share), *threads);
    }
    for (std::size_t i = 0; i < out.states.size(); ++i)
      copy_into(out.states[i], tensor_of(running.graph, running.states[i].name));
  }
  if (batches.empty()) return;
  report.gradient_norm = gradient_norm(gradients);
  require_finite(report.gradient_norm, batches, extra);
  apply(gradients, states, report);
}

// The loss scale falls while gradients are not finite; when that does not end, the numbers themselves are at fault.
void Trainer::State::step_in_eight_bits(const std::vector<Batch>& batches, StepReport& report) {
  constexpr double kHopeless = 1e-3;
  for (const Batch& batch : batches) {
    const EightBitStep out = eight_bit->step(batch, report.rate);
    report.skipped = report.skipped || out.skipped;
    skipped += out.skipped ? 1 : 0;
    report.loss += out.loss * static_cast<double>(batch.samples) / static_cast<double>(report.samples);
    if (std::isfinite(out.loss) && out.loss_scale > kHopeless) continue;
    Error error(ErrorKind::gate, "training stopped: the loss is not finite, or gradients are not at any loss scale");
    error.node("octet.loss").value(fmt::format("{} in step {}, loss scale {}", out.loss, step + 1, out.loss_scale));
    throw error.hint((last_checkpoint ? "the last good checkpoint is " + last_checkpoint->string() + "; " : "") +
                     "try a lower learning rate");
  }
}

StepReport Trainer::State::run_step(const Samples& data, std::span<const std::int64_t> indices) {
  StepReport report;
  const double began = now();
  const std::int64_t steps = steps_per_epoch(data) * options.epochs;
  report.rate = rate_at(options.schedule, rate, step, steps);
  if (!frozen && options.freeze_batch_norm_from >= 0 && step >= options.freeze_batch_norm_from) {
    frozen = true;
    make_training();
  }
  const ExtraInputs extra = options.extra_inputs ? options.extra_inputs(step, steps) : ExtraInputs();
  std::vector<Batch> batches;
  for (std::size_t begin = 0; begin < indices.size(); begin += static_cast<std::size_t>(options.batch)) {
    const auto count = std::min(static_cast<std::size_t>(options.batch), indices.size() - begin);
    for (Batch& batch : data.gather(indices.subspan(begin, count))) batches.push_back(std::move(batch));
  }
  for (Batch& batch : batches) {
    report.samples += batch.samples;
    for (auto& [name, tensor] : batch.inputs) {
      if (options.augment.any() && tensor.rank() == 4 && tensor.dtype() == DType::f32)
        augment(tensor, batch.indices, options.augment, options.seed, epoch);
    }
  }
  if (eight_bit) {
    step_in_eight_bits(batches, report);
  } else {
    step_in_float(batches, extra, report);
  }
  loss_sum += report.loss * static_cast<double>(report.samples);
  loss_samples += report.samples;
  position += static_cast<std::int64_t>(indices.size());
  report.step = ++step;
  report.steps = steps;
  report.epoch = epoch + 1;
  report.epochs = options.epochs;
  report.seconds = now() - began;
  return report;
}

void Trainer::State::finish_epoch() {
  EpochReport report;
  report.epoch = ++epoch;
  report.steps = step;
  report.samples = loss_samples;
  report.train_loss = loss_samples > 0 ? loss_sum / static_cast<double>(loss_samples) : 0;
  if (options.evaluate) report.eval = options.evaluate(trained());
  position = 0;
  loss_sum = 0;
  loss_samples = 0;
  history.push_back(report);
}

// False when training shall stop.
bool Trainer::State::run_epoch(const Samples& data) {
  const std::vector<std::int64_t> order = epoch_order(data.size(), options.shuffle, options.seed, epoch);
  double last_rate = rate;
  bool go_on = true;
  while (go_on && position < data.size()) {
    const std::int64_t count = std::min(samples_per_step(), data.size() - position);
    const StepReport report =
        run_step(data, std::span(order).subspan(static_cast<std::size_t>(position), static_cast<std::size_t>(count)));
    last_rate = report.rate;
    if (options.on_step) go_on = options.on_step(report);
    const bool due = options.checkpoint_every > 0 && step % options.checkpoint_every == 0;
    if ((due || !go_on) && position < data.size()) save();
  }
  if (position < data.size()) return false;
  finish_epoch();
  history.back().rate = last_rate;
  save();
  if (options.on_epoch) options.on_epoch(history.back());
  return go_on;
}

TrainResult Trainer::fit(const Samples& data) {
  State& s = *state_;
  if (s.options.ema > 0 && s.averages.empty()) {
    for (const Parameter& parameter : s.optimizer->parameters()) s.averages.push_back(parameter.value.clone());
  }
  const FileDescriptor lock =
      s.options.checkpoints.empty() ? FileDescriptor() : lock_checkpoints(s.options.checkpoints);
  if (s.options.resume) s.resume();
  bool go_on = true;
  while (go_on && s.epoch < s.options.epochs) go_on = s.run_epoch(data);
  TrainResult result;
  result.epochs = s.history;
  result.steps = s.step;
  result.stopped = !go_on && s.epoch < s.options.epochs;
  result.checkpoint = s.last_checkpoint;
  result.warnings = s.warnings;
  result.skipped_steps = s.skipped;
  if (s.eight_bit) {
    result.eight_bit = s.eight_bit->bytes();
    result.optimizer_bytes = result.eight_bit->optimizer;
    result.parameter_count = result.eight_bit->parameters;
    return result;
  }
  result.optimizer_bytes = s.optimizer->state_bytes();
  for (const Parameter& parameter : s.optimizer->parameters()) result.parameter_count += parameter.value.elements();
  return result;
}

Trainable Trainer::State::unfinished() const {
  Trainable out = model;
  if (eight_bit) {
    out.graph = eight_bit->trained();
    return out;
  }
  if (averages.empty()) return out;
  out.graph = clone(model.graph);
  for (std::size_t i = 0; i < averages.size(); ++i)
    out.graph.set_initializer(out.graph.find(optimizer->parameters()[i].name), averages[i]);
  return out;
}

Graph Trainer::State::trained() const {
  const Trainable form = unfinished();
  return options.finish ? options.finish(form) : inference_form(form);
}

Trainable Trainer::unfinished() const { return state_->unfinished(); }
Graph Trainer::trained() const { return state_->trained(); }
const Trainable& Trainer::model() const { return state_->model; }

}  // namespace octet::train
