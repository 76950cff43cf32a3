// How a Trainer saves itself and finds itself again.
#include <fmt/format.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "octet/base/sha256.h"
#include "octet/formats/onnx/onnx.h"
#include "octet/train/trainer_state.h"

namespace octet::train {
namespace {

using nlohmann::json;

json to_json(const Schedule& s) {
  return {to_string(s.kind), s.every,       s.gamma,  s.final,   s.peak_at,
          s.start_divisor,   s.end_divisor, s.linear, s.warm_up, s.warm_up_from};
}

json to_json(const OptimizerOptions& options) {
  json out = {to_string(options)};
  if (const auto* o = std::get_if<Sgd>(&options)) {
    out.push_back({o->lr, o->momentum, o->dampening, o->weight_decay, o->nesterov});
  } else if (const auto* a = std::get_if<Adam>(&options)) {
    out.push_back({a->lr, a->beta1, a->beta2, a->epsilon, a->weight_decay, a->amsgrad, a->bits});
  } else if (const auto* w = std::get_if<AdamW>(&options)) {
    out.push_back({w->lr, w->beta1, w->beta2, w->epsilon, w->weight_decay, w->amsgrad, w->bits});
  }
  return out;
}

json to_json(const Loss& loss) {
  json out = {to_string(loss)};
  if (const auto* huber = std::get_if<Huber>(&loss)) out.push_back(huber->delta);
  if (const auto* kl = std::get_if<Distillation>(&loss)) out.push_back(kl->temperature);
  if (const auto* entropy = std::get_if<CrossEntropy>(&loss))
    out.push_back({entropy->label_smoothing, entropy->class_weights});
  return out;
}

std::string hash_of(const std::string& text) {
  Sha256 hash;
  hash.add(text);
  return hash.hex();
}

std::string hash_of(const Graph& graph) {
  Graph structure = clone(graph);
  Sha256 hash;
  for (const auto& [id, tensor] : graph.initializers()) {
    hash.add(graph.value(id).name);
    hash.add(tensor.raw(), tensor.bytes());
    structure.set_initializer(id, Tensor::zeros(tensor.dtype(), {0}));
  }
  hash.add(print_graph(structure));
  return hash.hex();
}

json to_json(const EpochReport& r) {
  return {r.epoch, r.steps, r.samples, r.train_loss, r.eval ? json(*r.eval) : json(), r.rate};
}

EpochReport epoch_from(const json& row) {
  EpochReport out{row.at(0), row.at(1), row.at(2), row.at(3), std::nullopt, row.at(5)};
  if (!row.at(4).is_null()) out.eval = row.at(4).get<double>();
  return out;
}

Error another(const char* what, const std::filesystem::path& file, const std::string& there, const std::string& here) {
  return Error(ErrorKind::bad_input, std::string("the checkpoint is of another ") + what)
      .file(file.string())
      .value(there)
      .expected(here)
      .hint("begin again without --resume, or with another folder for checkpoints");
}

}  // namespace

// What the numbers of a run depend on: the threads, the folder and the callbacks are not among it.
void Trainer::State::find_hashes(const OptimizerOptions* optimizer_options) {
  model_hash = hash_of(model.graph);
  const TrainerOptions& o = options;
  json config = {{"loss", to_json(o.loss)},
                 {"output", o.output},
                 {"epochs", o.epochs},
                 {"batch", o.batch},
                 {"accumulate", o.accumulate},
                 {"shuffle", o.shuffle},
                 {"schedule", to_json(o.schedule)},
                 {"clip", {o.clip_norm, o.clip_value}},
                 {"ema", o.ema},
                 {"seed", o.seed},
                 {"freeze_batch_norm_from", o.freeze_batch_norm_from},
                 {"augment", {o.augment.flip, o.augment.crop_padding, o.augment.channels_last}},
                 {"rate", rate},
                 {"parameters", model.parameters},
                 {"configuration", o.configuration}};
  if (optimizer_options != nullptr) config["optimizer"] = to_json(*optimizer_options);
  if (o.stored) config["stored"] = {o.stored->block, o.stored->master, o.stored->frozen};
  if (o.teacher) config["teacher"] = {hash_of(o.teacher->graph), o.teacher->temperature, o.teacher->weight};
  config_hash = hash_of(config.dump());
}

// Everything that changes while training runs, under the names that a checkpoint gives it.
std::vector<std::pair<std::string, Tensor>> Trainer::State::tensors() {
  if (eight_bit) return eight_bit->state();
  std::vector<std::pair<std::string, Tensor>> out;
  for (const Parameter& parameter : optimizer->parameters())
    out.emplace_back("parameter " + parameter.name, parameter.value);
  for (const Trainable::State& s : model.states) out.emplace_back("state " + s.name, tensor_of(model.graph, s.name));
  for (auto& [name, tensor] : optimizer->state()) out.emplace_back("optimizer " + name, tensor);
  for (std::size_t i = 0; i < averages.size(); ++i)
    out.emplace_back("average " + optimizer->parameters()[i].name, averages[i]);
  return out;
}

void Trainer::State::save() {
  if (options.checkpoints.empty()) return;
  json progress = {{"loss_sum", loss_sum}, {"loss_samples", loss_samples}, {"epochs", json::array()}};
  for (const EpochReport& report : history) progress["epochs"].push_back(to_json(report));
  last_checkpoint = save_checkpoint(options.checkpoints,
                                    {model_hash, config_hash, step, epoch, position, progress.dump(), tensors()});
}

void Trainer::State::resume() {
  auto found = newest_checkpoint(options.checkpoints, warnings);
  if (!found) return;
  auto& [file, checkpoint] = *found;
  if (checkpoint.model_hash != model_hash) throw another("model", file, checkpoint.model_hash, model_hash);
  if (checkpoint.config_hash != config_hash) throw another("configuration", file, checkpoint.config_hash, config_hash);
  auto own = tensors();
  if (own.size() != checkpoint.tensors.size()) throw another("optimizer", file, "", "");
  for (std::size_t i = 0; i < own.size(); ++i) {
    const auto& [name, tensor] = checkpoint.tensors[i];
    if (name != own[i].first || tensor.bytes() != own[i].second.bytes())
      throw another("optimizer", file, name, own[i].first);
    if (tensor.bytes() != 0) std::memcpy(own[i].second.raw(), tensor.raw(), tensor.bytes());
  }
  if (eight_bit) eight_bit->restored();
  step = checkpoint.step;
  epoch = checkpoint.epoch;
  position = checkpoint.position;
  const json progress = json::parse(checkpoint.progress);
  loss_sum = progress.at("loss_sum");
  loss_samples = progress.at("loss_samples");
  history.clear();
  for (const json& row : progress.at("epochs")) history.push_back(epoch_from(row));
  last_checkpoint = file;
  if (options.on_resume) options.on_resume(step, history);
}

}  // namespace octet::train
