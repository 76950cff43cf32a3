#include "octet/runtime/session.h"

#include <algorithm>
#include <mutex>

#include "octet/ops/op.h"
#include "octet/runtime/batch.h"
#include "octet/runtime/fp_environment.h"
#include "octet/runtime/lower.h"
#include "octet/runtime/plan.h"

namespace octet {
namespace {

constexpr std::size_t kPlansKept = 8;

std::string listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::string describe(const TypeInfo& type) {
  const std::string dtype = type.dtype == DType::undefined ? "" : std::string(to_string(type.dtype)) + " ";
  return dtype + (type.shape ? to_string(*type.shape) : "of any shape");
}

// Throws usage unless the tensor is what the graph declares for that input.
void check_input(const std::string& name, const TypeInfo& declared, const Tensor& tensor) {
  bool fits = tensor.defined() && (declared.dtype == DType::undefined || declared.dtype == tensor.dtype());
  if (fits && declared.shape) {
    fits = declared.shape->size() == static_cast<std::size_t>(tensor.rank());
    for (int i = 0; fits && i < tensor.rank(); ++i) {
      const Dim& dim = (*declared.shape)[static_cast<std::size_t>(i)];
      fits = !dim.known() || dim.value == tensor.dim(i);
    }
  }
  if (fits) return;
  throw Error(ErrorKind::usage, "an input is not what the network takes")
      .tensor(name)
      .value(tensor.defined() ? std::string(to_string(tensor.dtype())) + " " + to_string(tensor.shape()) : "no tensor")
      .expected(describe(declared));
}

}  // namespace

struct Session::State {
  struct Entry {
    std::vector<Shape> shapes;
    bool keep_values = false;
    std::shared_ptr<const runtime::Plan> plan;
    std::int64_t runs = 1;  ///< of the plan for these shapes, when it is for some of their samples
  };

  Graph graph;  ///< prepared: defaults among the inputs dropped, constants folded
  SessionOptions options;
  std::unique_ptr<ThreadPool> threads;
  std::vector<std::string> input_names, output_names;
  runtime::PackCache packed;
  std::mutex mutex;          ///< guards what follows
  std::vector<Entry> plans;  ///< the one used last at the end
  std::int64_t arena_bytes = 0;

  // The tensors in the graph's order.
  std::vector<const Tensor*> order(const NamedTensors& inputs) const {
    std::vector<const Tensor*> ordered(graph.inputs.size(), nullptr);
    for (const auto& [name, tensor] : inputs) {
      const auto it = std::find(input_names.begin(), input_names.end(), name);
      if (it == input_names.end()) {
        throw Error(ErrorKind::usage, "the network has no such input").tensor(name).expected(listed(input_names));
      }
      const auto i = static_cast<std::size_t>(it - input_names.begin());
      if (ordered[i] != nullptr) throw Error(ErrorKind::usage, "an input is given twice").tensor(name);
      check_input(name, graph.value(graph.inputs[i]).type, tensor);
      ordered[i] = &tensor;
    }
    for (std::size_t i = 0; i < ordered.size(); ++i) {
      if (ordered[i] != nullptr) continue;
      throw Error(ErrorKind::usage, "an input is missing")
          .tensor(input_names[i])
          .expected(describe(graph.value(graph.inputs[i]).type));
    }
    return ordered;
  }

  // `shape_of(i)` gives the shape of input i. The caller holds the mutex.
  template <class ShapeOf>
  const Entry* find_plan(bool keep_values, const ShapeOf& shape_of) {
    const auto fits = [&](const Entry& entry) {
      if (entry.keep_values != keep_values) return false;
      for (std::size_t i = 0; i < entry.shapes.size(); ++i) {
        if (!(entry.shapes[i] == shape_of(i))) return false;
      }
      return true;
    };
    const auto it = std::find_if(plans.begin(), plans.end(), fits);
    if (it == plans.end()) return nullptr;
    std::rotate(it, it + 1, plans.end());
    return &plans.back();
  }

  runtime::Lowered lower(const std::vector<Shape>& shapes, bool keep_values) const {
    std::vector<std::pair<std::string, Shape>> named;
    for (std::size_t i = 0; i < shapes.size(); ++i) named.emplace_back(input_names[i], shapes[i]);
    return runtime::lower(graph, named, keep_values, options.float_attention);
  }

  // How many samples these shapes hold, where every input leaves that open; else 1.
  std::int64_t samples_in(const std::vector<Shape>& shapes) const {
    for (std::size_t i = 0; i < shapes.size(); ++i) {
      const auto& declared = graph.value(graph.inputs[i]).type.shape;
      if (!declared || declared->empty() || (*declared)[0].known() || shapes[i][0] != shapes[0][0]) return 1;
    }
    return shapes.empty() ? 1 : shapes[0][0];
  }

  // The graph for one sample or a few, if that serves for all `runs` of them; `runs` is then how many such runs they
  // are.
  std::optional<runtime::Lowered> lower_for_samples(const Graph& whole, std::vector<Shape> shapes,
                                                    std::int64_t& runs) const {
    if (runs < 2 || !runtime::samples_are_independent(whole, runs)) return std::nullopt;
    for (Shape& shape : shapes) shape[0] = 1;
    runtime::Lowered one = lower(shapes, false);
    const bool serves =
        runtime::samples_are_independent(one.graph, 1) && runtime::is_worth_running_by_sample(one.graph);
    if (!serves) return std::nullopt;
    const std::int64_t together = runtime::samples_together(one.graph, runs, threads->size());
    if (together == 1) return one;
    for (Shape& shape : shapes) shape[0] = together;
    runtime::Lowered some = lower(shapes, false);
    if (!runtime::samples_are_independent(some.graph, together)) return one;
    runs /= together;
    return some;
  }

  const Entry& make_plan(bool keep_values, std::vector<Shape> shapes) {
    runtime::Lowered lowered = lower(shapes, keep_values);
    std::int64_t runs = keep_values ? 1 : samples_in(shapes);
    auto some = lower_for_samples(lowered.graph, shapes, runs);
    if (some) {
      lowered = std::move(*some);
    } else {
      runs = 1;
    }
    auto plan = std::make_shared<const runtime::Plan>(std::move(lowered.graph), packed, *threads, lowered.observed);
    arena_bytes = std::max(arena_bytes, plan->arena_bytes());
    if (plans.size() >= kPlansKept) plans.erase(plans.begin());
    plans.push_back({std::move(shapes), keep_values, std::move(plan), runs});
    return plans.back();
  }

  /// A plan, and how often it is to be run for these inputs.
  std::pair<std::shared_ptr<const runtime::Plan>, std::int64_t> plan_for(const std::vector<const Tensor*>& inputs,
                                                                         bool keep_values) {
    const std::lock_guard lock(mutex);
    const auto* held = find_plan(keep_values, [&](std::size_t i) -> const Shape& { return inputs[i]->shape(); });
    if (held != nullptr) return {held->plan, held->runs};
    std::vector<Shape> shapes;
    for (const Tensor* tensor : inputs) shapes.push_back(tensor->shape());
    const Entry& made = make_plan(keep_values, std::move(shapes));
    return {made.plan, made.runs};
  }

  // Plans ahead when options and declared shapes leave nothing open.
  void plan_at_construction() {
    std::vector<Shape> shapes;
    for (const ValueId id : graph.inputs) {
      const Value& input = graph.value(id);
      std::optional<Shape> shape = given_shape(input);
      if (!shape) return;
      shapes.push_back(*shape);
    }
    const std::lock_guard lock(mutex);
    make_plan(false, std::move(shapes));
  }

  std::optional<Shape> given_shape(const Value& input) const {
    for (const auto& [name, shape] : options.shapes) {
      if (name == input.name) return shape;
    }
    if (!input.type.shape) return std::nullopt;
    SymbolicShape shape = *input.type.shape;
    for (Dim& dim : shape) {
      for (const auto& [symbol, number] : options.dims) {
        if (!dim.known() && dim.symbol == symbol) dim = Dim(number);
      }
    }
    return static_shape(shape);
  }

  void check_options() const {
    for (const auto& [name, shape] : options.shapes) {
      if (std::find(input_names.begin(), input_names.end(), name) != input_names.end()) continue;
      throw Error(ErrorKind::usage, "a shape is given for an input that the network does not have")
          .tensor(name)
          .expected(listed(input_names));
    }
  }

  Entry latest() {
    const std::lock_guard lock(mutex);
    return plans.empty() ? Entry{} : plans.back();
  }
};

Session::Session(Graph graph, SessionOptions options) : state_(std::make_unique<State>()) {
  State& s = *state_;
  ops::require_all(graph);
  s.threads = std::make_unique<ThreadPool>(options.threads);
  s.options = std::move(options);
  s.graph = s.options.optimize ? runtime::prepare_graph(graph) : std::move(graph);
  std::erase_if(s.graph.inputs, [&](ValueId id) { return s.graph.initializer(id) != nullptr; });
  for (const ValueId id : s.graph.inputs) s.input_names.push_back(s.graph.value(id).name);
  for (const ValueId id : s.graph.outputs) s.output_names.push_back(s.graph.value(id).name);
  s.check_options();
  if (s.options.optimize) s.plan_at_construction();
}

Session::~Session() = default;
Session::Session(Session&&) noexcept = default;

std::vector<Tensor> Session::run(const NamedTensors& inputs) const { return run(inputs, Observe{}); }

std::vector<Tensor> Session::run(const NamedTensors& inputs, const Observe& observe) const {
  State& s = *state_;
  const std::vector<const Tensor*> ordered = s.order(inputs);
  const runtime::FpEnvironment environment;
  if (!s.options.optimize) return runtime::evaluate_plainly(s.graph, ordered, *s.threads, observe);
  const bool keep_values = static_cast<bool>(observe);
  const auto [plan, runs] = s.plan_for(ordered, keep_values);
  if (runs > 1) return runtime::run_by_sample(*plan, ordered, *s.threads, s.options.profile);
  return plan->run(ordered, *s.threads, s.options.profile, keep_values ? &observe : nullptr);
}

const std::vector<std::string>& Session::input_names() const { return state_->input_names; }
const std::vector<std::string>& Session::output_names() const { return state_->output_names; }

const TypeInfo& Session::type(const std::string& name) const {
  const ValueId id = state_->graph.find(name);
  if (id == kNoValue) throw Error(ErrorKind::usage, "the network has no such value").tensor(name);
  return state_->graph.value(id).type;
}

std::vector<StepInfo> Session::steps() const {
  const auto latest = state_->latest();
  if (!latest.plan) return {};
  std::vector<StepInfo> steps = latest.plan->steps();
  for (StepInfo& step : steps) {
    step.macs *= latest.runs;
    step.bytes *= latest.runs;
    step.seconds *= static_cast<double>(latest.runs);
  }
  return steps;
}

std::int64_t Session::arena_bytes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->arena_bytes;
}

std::int64_t Session::packed_bytes() const {
  const auto plan = state_->latest().plan;
  return plan ? plan->packed_bytes() : 0;
}

std::string Session::lowered() const {
  const auto plan = state_->latest().plan;
  if (!plan) return {};
  std::string out;
  const Graph& g = plan->graph();
  for (const Node& n : g.nodes) {
    for (const ValueId id : n.outputs)
      if (id != kNoValue)
        out += g.value(id).name + ":" + to_string(g.value(id).type.dtype) +
               (g.value(id).type.shape ? to_string(*g.value(id).type.shape) : "?") + " ";
    out += "= " + (n.domain.empty() ? "" : n.domain + ".") + n.op_type + "(";
    for (const ValueId id : n.inputs) out += (id == kNoValue ? "-" : g.value(id).name) + ", ";
    out += ")\n";
  }
  return out;
}

}  // namespace octet
