#include "octet/train/step.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <numeric>

namespace octet::train {
namespace {

constexpr const char* kTarget = "octet.target";
constexpr const char* kTeacher = "octet.teacher";
constexpr const char* kLoss = "octet.loss";

ValueId measured(const Graph& graph, const std::string& name) {
  if (graph.outputs.empty()) throw Error(ErrorKind::usage, "the network has no outputs");
  if (name.empty()) return graph.outputs.front();
  const auto found = std::find_if(graph.outputs.begin(), graph.outputs.end(),
                                  [&](ValueId id) { return graph.value(id).name == name; });
  if (found != graph.outputs.end()) return *found;
  std::string names;
  for (const ValueId id : graph.outputs) names += (names.empty() ? "" : ", ") + graph.value(id).name;
  throw Error(ErrorKind::usage, "the loss looks at an output that the network does not have")
      .value(name)
      .expected("one of " + names);
}

// The type of the expected answer: as many dimensions as the output has, without the classes for labels.
TypeInfo target_type(const Value& output, bool labels) {
  TypeInfo type{labels ? DType::i64 : DType::f32, std::nullopt};
  if (!output.type.shape) return type;
  type.shape.emplace();
  for (std::size_t i = 0; i < output.type.shape->size(); ++i) {
    if (!(labels && i == 1)) type.shape->push_back((*output.type.shape)[i]);
  }
  return type;
}

ValueId add_target(Graph& graph, const char* name, const TypeInfo& type) {
  const ValueId id = graph.add_value(name, type);
  graph.inputs.push_back(id);
  return id;
}

// The whole loss: against the answers, against the teacher, or both.
void add_losses(Graph& graph, const StepOptions& options) {
  const ValueId output = measured(graph, options.output);
  const double share = options.teacher ? options.teacher->weight : 0;
  ValueId loss = kNoValue;
  if (share < 1) {
    const TypeInfo type = target_type(graph.value(output), wants_labels(options.loss));
    loss = add_loss(graph, options.loss, output, add_target(graph, kTarget, type));
  }
  if (share > 0) {
    const ValueId answer = add_target(graph, kTeacher, target_type(graph.value(output), false));
    const ValueId part = add_loss(graph, Distillation{options.teacher->temperature}, output, answer);
    loss = loss == kNoValue ? part : add_weighted(graph, loss, 1 - share, part, share);
  }
  graph.rename(loss, kLoss);
  graph.outputs = {loss};
}

// How many classes an output tells apart, or -1.
std::int64_t classes_of(const Value& output) {
  const auto& shape = output.type.shape;
  return shape && shape->size() > 1 && (*shape)[1].known() ? (*shape)[1].value : -1;
}

// OneHot would count a negative label from the end and leave a large one out, without a word.
void check_labels(const Tensor& labels, std::int64_t classes) {
  for (const std::int64_t label : labels.values<std::int64_t>()) {
    if (label >= 0 && (classes < 0 || label < classes)) continue;
    throw Error(ErrorKind::bad_input, "a label names no class of the network")
        .value(std::to_string(label))
        .expected(classes < 0 ? "at least 0" : fmt::format("0 to {}", classes - 1));
  }
}

// A batch's answers as the loss takes them: `wanted` is the graph's input for them.
Tensor fitted_target(const Tensor& given, const Loss& loss, const TypeInfo& wanted, std::int64_t classes) {
  if (!given.defined()) {
    throw Error(ErrorKind::usage, "the data has no expected answers to learn from")
        .hint("give an array 'labels' or 'targets', --labels CSV for pictures, or learn from a teacher alone");
  }
  const bool labels = wants_labels(loss);
  if (labels && is_float(given.dtype())) {
    throw Error(ErrorKind::bad_input, "the loss takes class labels, and the data has floats")
        .value(to_string(given.dtype()))
        .expected("integers")
        .hint("choose the loss mse, l1, huber or bce");
  }
  Tensor target = given.cast(labels ? DType::i64 : DType::f32);
  const bool column =
      wanted.shape && static_cast<int>(wanted.shape->size()) == target.rank() + 1 && wanted.shape->back() == Dim(1);
  if (column) {  // [N] for an output of [N, 1]
    Shape shape = target.shape();
    shape.push_back(1);
    target = target.reshaped(shape);
  }
  if (labels) check_labels(target, classes);
  return target;
}

bool all_finite(const Tensor& tensor) {
  if (tensor.dtype() != DType::f32) return true;
  const auto values = tensor.values<float>();
  return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

}  // namespace

Tensor tensor_of(const Graph& graph, const std::string& name) {
  const ValueId id = graph.find(name);
  const Tensor* tensor = id == kNoValue ? nullptr : graph.initializer(id);
  if (tensor == nullptr) throw Error(ErrorKind::internal, "a parameter or state is no initializer").tensor(name);
  return *tensor;
}

struct TrainingStep::State {
  StepOptions options;
  Graph graph;  ///< the differentiated graph, for names
  Differentiated info;
  std::unique_ptr<Session> session, teacher;
  NamedTensors held;  ///< parameters and states, sharing the model's data
  std::vector<std::size_t> gradient_at, updated_at;
  std::size_t loss_at = 0;
  std::int64_t classes = -1;
  bool takes_step = false;

  std::size_t output_index(const std::string& name) const {
    const auto& names = session->output_names();
    return static_cast<std::size_t>(std::find(names.begin(), names.end(), name) - names.begin());
  }
  NamedTensors feed(const Batch& batch, std::int64_t step, const ExtraInputs& extra) const;
};

TrainingStep::TrainingStep(const Trainable& model, StepOptions options) : state_(std::make_unique<State>()) {
  State& s = *state_;
  s.options = std::move(options);
  Trainable with_loss = model;
  with_loss.graph = clone(model.graph);
  s.classes = classes_of(model.graph.value(measured(model.graph, s.options.output)));
  add_losses(with_loss.graph, s.options);
  s.info = differentiate(with_loss, kLoss, {.recompute = s.options.recompute});
  s.graph = clone(s.info.graph);
  s.session = std::make_unique<Session>(std::move(s.info.graph), SessionOptions{.threads = s.options.threads});
  for (const std::string& name : model.parameters) s.held.emplace_back(name, tensor_of(model.graph, name));
  for (const Trainable::State& state : model.states)
    s.held.emplace_back(state.name, tensor_of(model.graph, state.name));
  s.loss_at = s.output_index(s.info.loss);
  for (const std::string& name : s.info.gradients)
    s.gradient_at.push_back(name.empty() ? SIZE_MAX : s.output_index(name));
  for (const std::string& name : s.info.updated) s.updated_at.push_back(s.output_index(name));
  s.takes_step = s.graph.find(kStepInput) != kNoValue;
  if (s.options.teacher) {
    s.teacher =
        std::make_unique<Session>(clone(s.options.teacher->graph), SessionOptions{.threads = s.options.threads});
  }
}

TrainingStep::~TrainingStep() = default;

const std::vector<std::string>& TrainingStep::unreached() const { return state_->info.unreached; }
std::int64_t TrainingStep::peak_bytes() const { return state_->info.peak_bytes; }
std::int64_t TrainingStep::peak_bytes_kept() const { return state_->info.peak_bytes_kept; }

NamedTensors TrainingStep::State::feed(const Batch& batch, std::int64_t step, const ExtraInputs& extra) const {
  NamedTensors feed = batch.inputs;
  feed.insert(feed.end(), held.begin(), held.end());
  feed.insert(feed.end(), extra.begin(), extra.end());
  if (takes_step) feed.emplace_back(kStepInput, Tensor::scalar<std::int64_t>(step));
  if (const ValueId id = graph.find(kTarget); id != kNoValue)
    feed.emplace_back(kTarget, fitted_target(batch.target, options.loss, graph.value(id).type, classes));
  if (teacher) {
    const auto& names = teacher->output_names();
    const auto at = options.output.empty() ? 0 : std::find(names.begin(), names.end(), options.output) - names.begin();
    feed.emplace_back(kTeacher, teacher->run(batch.inputs).at(static_cast<std::size_t>(at)));
  }
  return feed;
}

StepOutput TrainingStep::run(const Batch& batch, std::int64_t step, const ExtraInputs& extra) const {
  const State& s = *state_;
  std::vector<Tensor> outputs = s.session->run(s.feed(batch, step, extra));
  StepOutput out;
  out.loss = outputs[s.loss_at].to_double().at(0);
  for (const std::size_t at : s.gradient_at) out.gradients.push_back(at == SIZE_MAX ? Tensor() : outputs[at]);
  for (const std::size_t at : s.updated_at) out.states.push_back(outputs[at]);
  return out;
}

std::string TrainingStep::first_nonfinite(const Batch& batch, std::int64_t step, const ExtraInputs& extra) const {
  const State& s = *state_;
  const NamedTensors feed = s.feed(batch, step, extra);
  for (const auto& [name, tensor] : feed) {
    if (all_finite(tensor)) continue;
    const bool held =
        std::any_of(s.held.begin(), s.held.end(), [&, n = &name](const auto& h) { return h.first == *n; });
    return (held ? "the parameter " : "the input ") + name;
  }
  std::string found;
  s.session->run(feed, [&](const std::string& value, const Tensor& tensor) {
    if (found.empty() && !all_finite(tensor)) found = value;
  });
  for (const Node& node : s.graph.nodes) {
    for (const ValueId id : node.outputs) {
      if (id != kNoValue && s.graph.value(id).name == found) return s.graph.label(node);
    }
  }
  return found;
}

double mean_loss(const Graph& network, const Loss& loss, const Samples& data, std::int64_t batch, int threads,
                 const std::string& output) {
  Graph graph = clone(network);
  const ValueId out = measured(graph, output);
  const std::int64_t classes = classes_of(graph.value(out));
  const TypeInfo wanted = target_type(graph.value(out), wants_labels(loss));
  const ValueId target = add_target(graph, kTarget, wanted);
  graph.outputs = {add_loss(graph, loss, out, target)};
  const Session session(std::move(graph), {.threads = threads});
  double sum = 0;
  std::int64_t samples = 0;
  std::vector<std::int64_t> indices;
  for (std::int64_t at = 0; at < data.size(); at += batch) {
    indices.resize(static_cast<std::size_t>(std::min(batch, data.size() - at)));
    std::iota(indices.begin(), indices.end(), at);
    for (const Batch& part : data.gather(indices)) {
      NamedTensors feed = part.inputs;
      feed.emplace_back(kTarget, fitted_target(part.target, loss, wanted, classes));
      sum += session.run(feed).front().to_double().at(0) * static_cast<double>(part.samples);
      samples += part.samples;
    }
  }
  return sum / static_cast<double>(samples);
}

}  // namespace octet::train
