#include "octet/train/eight_bit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "octet/autograd/autograd.h"
#include "octet/ops/op.h"
#include "octet/runtime/lower.h"
#include "octet/train/eight_bit_weights.h"

namespace octet::train {
namespace {

constexpr const char* kTarget = "octet.target";
constexpr const char* kLoss = "octet.loss";
constexpr const char* kScaledLoss = "octet.scaled_loss";
constexpr const char* kLossScale = "octet.loss_scale";

ValueId output_named(const Graph& graph, const std::string& name) {
  for (const ValueId id : graph.outputs) {
    if (name.empty() || graph.value(id).name == name) return id;
  }
  throw Error(ErrorKind::usage, "the loss looks at an output that the network does not have").value(name);
}

// The loss, and the loss times its scale, which is an input.
void add_scaled_loss(Graph& graph, const EightBitOptions& options) {
  const ValueId x = output_named(graph, options.output);
  const bool labels = wants_labels(options.loss);
  TypeInfo type{labels ? DType::i64 : DType::f32, std::nullopt};
  if (const auto& shape = graph.value(x).type.shape) {
    type.shape = *shape;
    if (labels && shape->size() > 1) type.shape->erase(type.shape->begin() + 1);
  }
  const ValueId target = graph.add_value(kTarget, type);
  graph.inputs.push_back(target);
  const ValueId loss = add_loss(graph, options.loss, x, target);
  graph.rename(loss, kLoss);
  const ValueId scale = graph.add_input(kLossScale, DType::f32, {});
  const ValueId scaled = graph.add_node("Mul", {loss, scale}, {}, kScaledLoss);
  graph.value(scaled).type = graph.value(loss).type;
  graph.outputs = {loss, scaled};
}

// gradient * inverse in float32, through float16; false when it is not finite.
bool unscale(const Tensor& gradient, double inverse, Tensor& out) {
  const auto count = static_cast<std::size_t>(gradient.elements());
  float* to = out.data<float>();
  bool finite = true;
  const auto put = [&](std::size_t i, float g) {
    finite = finite && std::isfinite(g);
    to[i] = static_cast<float>(double{g} * inverse);
  };
  if (gradient.dtype() == DType::f16) {
    for (std::size_t i = 0; i < count; ++i) put(i, static_cast<float>(gradient.data<float16>()[i]));
  } else {
    for (std::size_t i = 0; i < count; ++i) put(i, static_cast<float>(float16(gradient.data<float>()[i])));
  }
  return finite;
}

bool all_finite(const Tensor& gradient) {
  if (gradient.dtype() == DType::f16) {
    const auto values = gradient.values<float16>();
    return std::all_of(values.begin(), values.end(), [](float16 g) { return (g.bits & 0x7c00U) != 0x7c00U; });
  }
  const auto values = gradient.values<float>();
  return std::all_of(values.begin(), values.end(),
                     [](float g) { return std::isfinite(static_cast<float>(float16(g))); });
}

// One stored weight with what updates it.
struct Stored {
  std::string name;
  StoredWeight weight;
  Tensor master;                         ///< undefined: none
  Tensor working;                        ///< what the optimizer changes: the master, or a view of common scratch memory
  std::unique_ptr<Optimizer> optimizer;  ///< null: frozen
};

}  // namespace

struct EightBitTraining::State {
  EightBitOptions options;
  Trainable model;  ///< stored weights as their int8 values
  double rate = 0;
  std::vector<Stored> stored;
  std::vector<Parameter> plain;
  std::unique_ptr<Optimizer> plain_optimizer;
  LossScale scale;
  Tensor progress;  ///< f64: loss scale, clean steps, skipped, steps
  std::int64_t steps = 0;
  ThreadPool threads;
  std::unique_ptr<Session> session;
  Graph graph;  ///< what the session was made of
  std::vector<std::string> gradients, updated;
  std::size_t trained_weights = 0;
  Tensor scratch, gradient_scratch;
  bool takes_step = false;
  std::vector<std::pair<std::string, Shape>> shapes;  ///< of the last step's inputs

  explicit State(EightBitOptions given)
      : options(std::move(given)), progress(Tensor::zeros(DType::f64, {4})), threads(options.threads) {}

  void store_weights(const Trainable& given, const OptimizerOptions& optimizer, const std::vector<std::string>& frozen);
  void build(const std::vector<std::string>& names);
  NamedTensors feed(const Batch& batch) const;
  void update(const std::vector<Tensor>& gradients, double rate);
  void save_progress();
};

void EightBitTraining::State::store_weights(const Trainable& given, const OptimizerOptions& optimizer,
                                            const std::vector<std::string>& frozen) {
  std::vector<std::string> candidates = given.parameters;
  candidates.insert(candidates.end(), frozen.begin(), frozen.end());
  const std::vector<std::string> names = layer_weights(given.graph, candidates);
  if (names.empty()) {
    throw Error(ErrorKind::usage,
                fmt::format("no weight would be stored in eight bits: none of the {} parameters is the weight of a "
                            "Conv, ConvTranspose, Gemm or MatMul",
                            candidates.size()));
  }
  std::int64_t largest = 0;
  for (const std::string& name : names) {
    largest = std::max(largest, given.graph.initializer(given.graph.find(name))->elements());
  }
  scratch = Tensor(DType::f32, {largest});
  gradient_scratch = Tensor(DType::f32, {largest});
  std::vector<Stored> trains, kept;
  for (const std::string& name : names) {
    const Tensor& weight = *given.graph.initializer(given.graph.find(name));
    Stored item{name, StoredWeight(weight, options.block, name), {}, {}, nullptr};
    if (options.master) item.master = weight;  // the model's own tensor
    item.working = options.master ? weight : Tensor(DType::f32, weight.shape(), scratch.raw(), scratch.owner());
    const bool frozen_base =
        std::find(given.parameters.begin(), given.parameters.end(), name) == given.parameters.end();
    if (!frozen_base) item.optimizer = make_optimizer(optimizer, {{name, item.working}});
    (frozen_base ? kept : trains).push_back(std::move(item));
  }
  stored = std::move(trains);
  trained_weights = stored.size();
  for (Stored& item : kept) stored.push_back(std::move(item));
  for (const std::string& name : given.parameters) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    plain.push_back({name, *given.graph.initializer(given.graph.find(name))});
  }
  if (!plain.empty()) plain_optimizer = make_optimizer(optimizer, plain);
}

void EightBitTraining::State::build(const std::vector<std::string>& names) {
  Trainable half = model;
  half.graph = clone(model.graph);
  ops::infer_shapes(half.graph);
  store_in_half(half.graph, names);
  add_scaled_loss(half.graph, options);
  half.parameters.clear();
  for (std::size_t i = 0; i < trained_weights; ++i) half.parameters.push_back(stored[i].name);
  for (const Parameter& p : plain) half.parameters.push_back(p.name);
  Differentiated d = differentiate(half, kScaledLoss);
  if (!d.unreached.empty()) {
    throw Error(ErrorKind::usage, "a parameter that the loss does not depend on would never be trained")
        .tensor(d.unreached[0]);
  }
  graph = std::move(d.graph);
  // Frozen weights are constants of the graph: they become inputs like the others.
  for (std::size_t i = trained_weights; i < stored.size(); ++i) {
    const ValueId id = graph.find(stored[i].name);
    graph.erase_initializer(id);
    graph.inputs.push_back(id);
  }
  decompress_at_use(graph, names, options.block);
  gradients = d.gradients;
  updated = d.updated;
  takes_step = graph.find(kStepInput) != kNoValue;
  session = std::make_unique<Session>(clone(graph), SessionOptions{.threads = options.threads});
}

EightBitTraining::EightBitTraining(const Trainable& model, const OptimizerOptions& optimizer, EightBitOptions options,
                                   const std::vector<std::string>& frozen)
    : state_(std::make_unique<State>(std::move(options))) {
  State& s = *state_;
  s.rate = base_rate(optimizer);
  s.store_weights(model, optimizer, frozen);
  std::vector<std::string> names;
  for (const Stored& item : s.stored) names.push_back(item.name);
  s.model = model;
  s.model.graph = clone(model.graph);
  s.build(names);
  for (const Stored& item : s.stored) {
    s.model.graph.set_initializer(s.model.graph.find(item.name), item.weight.values());
  }
  s.save_progress();
}

EightBitTraining::~EightBitTraining() = default;
EightBitTraining::EightBitTraining(EightBitTraining&&) noexcept = default;

NamedTensors EightBitTraining::State::feed(const Batch& batch) const {
  NamedTensors out = batch.inputs;
  for (const Stored& item : stored) {
    out.emplace_back(stored_values_name(item.name), item.weight.values());
    out.emplace_back(stored_scales_name(item.name), item.weight.scales());
  }
  for (const Parameter& p : plain) out.emplace_back(p.name, p.value);
  for (const Trainable::State& state : model.states) {
    out.emplace_back(state.name, *model.graph.initializer(model.graph.find(state.name)));
  }
  const DType wanted = graph.value(graph.find(kTarget)).type.dtype;
  out.emplace_back(kTarget, batch.target.dtype() == wanted ? batch.target : batch.target.cast(wanted));
  out.emplace_back(kLossScale, Tensor::scalar(static_cast<float>(scale.value())));
  if (takes_step) out.emplace_back(kStepInput, Tensor::scalar<std::int64_t>(steps));
  return out;
}

void EightBitTraining::State::update(const std::vector<Tensor>& all, double step_rate) {
  const double inverse = scale.inverse();
  for (std::size_t i = 0; i < trained_weights; ++i) {
    Stored& item = stored[i];
    Tensor gradient(DType::f32, item.weight.shape(), gradient_scratch.raw(), gradient_scratch.owner());
    unscale(all[i], inverse, gradient);
    if (!options.master) item.weight.decompress(item.working);
    item.optimizer->step({gradient}, step_rate, threads);
    const PositionedRandom random{options.seed * 1000003 + i, static_cast<std::uint64_t>(steps)};
    item.weight.store(item.working, options.master ? nullptr : &random);
  }
  if (plain.empty()) return;
  std::vector<Tensor> rest;
  for (std::size_t i = trained_weights; i < all.size(); ++i) {
    rest.emplace_back(DType::f32, all[i].shape());
    unscale(all[i], inverse, rest.back());
  }
  plain_optimizer->step(rest, step_rate, threads);
}

EightBitStep EightBitTraining::step(const Batch& batch, double rate) {
  State& s = *state_;
  const NamedTensors feed = s.feed(batch);
  const std::vector<Tensor> outputs = s.session->run(feed);
  s.shapes.clear();
  for (const auto& [name, tensor] : feed) s.shapes.emplace_back(name, tensor.shape());
  const auto& names = s.session->output_names();
  const auto output = [&](const std::string& name) -> const Tensor& {
    return outputs[static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin())];
  };
  EightBitStep out;
  out.loss = output(kLoss).to_double().at(0);
  std::vector<Tensor> gradients;
  for (const std::string& name : s.gradients) gradients.push_back(output(name));
  const bool finite = std::all_of(gradients.begin(), gradients.end(), all_finite);
  if (finite) s.update(gradients, rate < 0 ? s.rate : rate);
  out.skipped = !s.scale.update(finite);
  for (std::size_t i = 0; !out.skipped && i < s.updated.size(); ++i) {
    const Tensor& next = output(s.updated[i]);
    Tensor held = *s.model.graph.initializer(s.model.graph.find(s.model.states[i].name));
    std::memcpy(held.raw(), next.raw(), next.bytes());
  }
  ++s.steps;
  s.save_progress();
  out.loss_scale = s.scale.value();
  return out;
}

Graph EightBitTraining::trained() const {
  const State& s = *state_;
  Trainable model = s.model;
  model.graph = clone(s.model.graph);
  for (const Stored& item : s.stored) {
    Tensor weight(DType::f32, item.weight.shape());
    if (item.master.defined()) {
      std::memcpy(weight.raw(), item.master.raw(), weight.bytes());
    } else {
      item.weight.decompress(weight);
    }
    model.graph.set_initializer(model.graph.find(item.name), std::move(weight));
  }
  return inference_form(model);
}

EightBitBytes EightBitTraining::bytes() const {
  EightBitBytes out;
  for (const Stored& item : state_->stored) {
    out.stored_parameters += item.weight.shape().elements();
    out.weights += item.weight.bytes() + static_cast<std::int64_t>(item.master.bytes());
    if (item.optimizer != nullptr) out.optimizer += item.optimizer->state_bytes();
  }
  out.parameters = out.stored_parameters;
  for (const Parameter& p : state_->plain) {
    out.parameters += p.value.elements();
    out.weights += static_cast<std::int64_t>(p.value.bytes());
  }
  if (state_->plain_optimizer != nullptr) out.optimizer += state_->plain_optimizer->state_bytes();
  return out;
}

DecompressedBytes EightBitTraining::decompressed() const {
  const State& s = *state_;
  return decompressed_bytes(runtime::lower(runtime::prepare_graph(s.graph), s.shapes, false).graph);
}

const LossScale& EightBitTraining::loss_scale() const { return state_->scale; }

void EightBitTraining::State::save_progress() {
  double* to = progress.data<double>();
  to[0] = scale.value();
  to[1] = static_cast<double>(scale.clean_steps());
  to[2] = static_cast<double>(scale.skipped());
  to[3] = static_cast<double>(steps);
}

std::vector<std::pair<std::string, Tensor>> EightBitTraining::state() {
  State& s = *state_;
  std::vector<std::pair<std::string, Tensor>> out = {{"progress", s.progress}};
  for (Stored& item : s.stored) {
    out.emplace_back(stored_values_name(item.name), item.weight.values());
    out.emplace_back(stored_scales_name(item.name), item.weight.scales());
    if (item.master.defined()) out.emplace_back(item.name, item.master);
    if (item.optimizer == nullptr) continue;
    for (auto& [name, tensor] : item.optimizer->state()) out.emplace_back(item.name + "/optimizer/" + name, tensor);
  }
  for (const Parameter& p : s.plain) out.emplace_back(p.name, p.value);
  if (s.plain_optimizer != nullptr) {
    for (auto& [name, tensor] : s.plain_optimizer->state()) out.emplace_back("optimizer/" + name, tensor);
  }
  for (const Trainable::State& state : s.model.states) {
    out.emplace_back(state.name, *s.model.graph.initializer(s.model.graph.find(state.name)));
  }
  return out;
}

void EightBitTraining::restored() {
  const double* from = state_->progress.data<double>();
  state_->scale.restore(from[0], static_cast<std::int64_t>(from[1]), static_cast<std::int64_t>(from[2]));
  state_->steps = static_cast<std::int64_t>(from[3]);
}

}  // namespace octet::train
