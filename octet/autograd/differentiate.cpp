#include <algorithm>
#include <map>
#include <set>

#include "octet/autograd/autograd.h"
#include "octet/autograd/recompute.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op.h"

namespace octet {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

bool is_real(const Graph& graph, ValueId id) { return id != kNoValue && is_float(graph.value(id).type.dtype); }

ValueId require_value(const Graph& graph, const std::string& name, const char* what) {
  const ValueId id = graph.find(name);
  if (id == kNoValue) throw Error(ErrorKind::usage, std::string("the network has no such ") + what).tensor(name);
  return id;
}

// Which values carry a gradient: real ones that depend on a parameter and that the loss depends on.
class Activity {
 public:
  Activity(const Graph& graph, ValueId loss, const std::vector<ValueId>& parameters)
      : graph_(graph), depends_(graph.value_count(), false), matters_(graph.value_count(), false) {
    for (const ValueId id : parameters) depends_[at(id)] = true;
    for (const Node& node : graph.nodes) {
      if (stops(node) || !any(node.inputs, depends_)) continue;
      for (const ValueId id : node.outputs) {
        if (is_real(graph, id)) depends_[at(id)] = true;
      }
    }
    matters_[at(loss)] = true;
    for (std::size_t i = graph.nodes.size(); i-- > 0;) {
      const Node& node = graph.nodes[i];
      if (stops(node) || !any(node.outputs, matters_)) continue;
      for (const ValueId id : read_by(node)) {
        if (is_real(graph, id)) matters_[at(id)] = true;
      }
    }
  }

  bool active(ValueId id) const { return id != kNoValue && depends_[at(id)] && matters_[at(id)]; }
  bool active(const Node& node) const {
    return !stops(node) &&
           std::any_of(node.outputs.begin(), node.outputs.end(), [&](ValueId id) { return active(id); });
  }

 private:
  bool stops(const Node& node) const { return ops::require(graph_, node).zero_gradient; }

  // Inputs, and what subgraphs capture.
  std::vector<ValueId> read_by(const Node& node) const {
    std::vector<ValueId> out = node.inputs;
    for (const GraphPtr& body : subgraphs(node)) {
      for (const ValueId id : body->captures()) out.push_back(graph_.find(body->value(id).name));
    }
    return out;
  }

  bool any(const std::vector<ValueId>& ids, const std::vector<bool>& marks) const {
    return std::any_of(ids.begin(), ids.end(), [&](ValueId id) { return id != kNoValue && marks[at(id)]; });
  }

  const Graph& graph_;
  std::vector<bool> depends_, matters_;
};

std::vector<std::string> missing_gradients(const Graph& graph, const Activity& activity) {
  std::vector<std::string> out;
  for (const Node& node : graph.nodes) {
    if (!activity.active(node) || ops::require(graph, node).gradient) continue;
    out.push_back((node.domain.empty() ? "" : node.domain + ".") + node.op_type + " (node " + graph.label(node) + ")");
  }
  return out;
}

void refuse_missing(const Graph& graph, const Activity& activity) {
  const std::vector<std::string> missing = missing_gradients(graph, activity);
  if (missing.empty()) return;
  std::string list;
  for (const std::string& name : missing) list += (list.empty() ? "" : ", ") + name;
  throw Error(ErrorKind::unsupported, "operators between the parameters and the loss have no gradient: " + list)
      .hint("freeze the parameters before them, or replace the operators");
}

void check_loss(const Graph& graph, ValueId loss) {
  const TypeInfo& type = graph.value(loss).type;
  const auto shape = type.shape ? static_shape(*type.shape) : std::nullopt;
  if (is_float(type.dtype) && shape && shape->elements() == 1) return;
  throw Error(ErrorKind::bad_input, "the loss is not a single real number")
      .tensor(graph.value(loss).name)
      .value(std::string(to_string(type.dtype)) + " " + (type.shape ? to_string(*type.shape) : "of unknown shape"))
      .expected("a floating point scalar");
}

// Walks the nodes backwards and chains their gradients.
class Reverse {
 public:
  Reverse(Graph& graph, const Activity& activity, Recompute& recompute)
      : graph_(graph), activity_(activity), recompute_(recompute) {}

  void run(ValueId loss) {
    gradients_[loss] = graph_.add_initializer({}, ones_like(loss));
    for (std::size_t i = graph_.nodes.size(); i-- > 0;) step(i);
  }

  ValueId gradient(ValueId id) const {
    const auto it = gradients_.find(id);
    return it == gradients_.end() ? kNoValue : it->second;
  }

 private:
  Tensor ones_like(ValueId id) const {
    const TypeInfo& type = graph_.value(id).type;
    return Tensor::scalar(1.0).cast(type.dtype).reshaped(*static_shape(*type.shape));
  }

  void step(std::size_t index) {
    const Node node = graph_.nodes[index];  // a copy: nodes are appended meanwhile
    if (!activity_.active(node)) return;
    std::vector<ValueId> output_gradients;
    bool any = false;
    for (const ValueId id : node.outputs) {
      output_gradients.push_back(id == kNoValue ? kNoValue : gradient(id));
      any = any || output_gradients.back() != kNoValue;
    }
    if (!any) return;
    std::vector<bool> wanted;
    for (const ValueId id : node.inputs) wanted.push_back(activity_.active(id));
    GradientContext ctx(graph_, recompute_.seen_from_behind(node, index), std::move(output_gradients), wanted);
    try {
      ops::require(graph_, node).gradient(ctx);
    } catch (Error& e) {
      if (e.info().node.empty()) e.node(graph_.label(node));
      throw;
    }
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (ctx.gradients()[i] != kNoValue) accumulate(node.inputs[i], ctx.gradients()[i]);
    }
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) gradients_.erase(id);  // complete and used: nothing reads it any more
    }
  }

  void accumulate(ValueId id, ValueId gradient) {
    const auto [it, first] = gradients_.try_emplace(id, gradient);
    if (first) return;
    GradientContext ctx(graph_, Node{}, {}, {});
    it->second = ctx.add(it->second, gradient);
  }

  Graph& graph_;
  const Activity& activity_;
  Recompute& recompute_;
  std::map<ValueId, ValueId> gradients_;
};

// The initializers become inputs with their types.
void make_inputs(Graph& graph, const std::vector<ValueId>& ids) {
  for (const ValueId id : ids) {
    const Tensor tensor = *graph.initializer(id);
    graph.value(id).type = {tensor.dtype(), symbolic(tensor.shape())};
    graph.erase_initializer(id);
    if (std::find(graph.inputs.begin(), graph.inputs.end(), id) == graph.inputs.end()) graph.inputs.push_back(id);
  }
}

std::vector<ValueId> find_constants(const Graph& graph, const std::vector<std::string>& names, const char* what) {
  std::vector<ValueId> out;
  std::set<std::string> seen;
  for (const std::string& name : names) {
    const ValueId id = require_value(graph, name, what);
    if (!seen.insert(name).second)
      throw Error(ErrorKind::usage, std::string("a ") + what + " is given twice").tensor(name);
    if (graph.initializer(id) == nullptr) {
      throw Error(ErrorKind::usage, std::string("a ") + what + " is not a constant of the network").tensor(name);
    }
    out.push_back(id);
  }
  return out;
}

// `id` under an output of its own: a value that is an input, a constant or an output already passes an Identity.
ValueId as_output(Graph& graph, ValueId id, const std::string& name) {
  const bool taken = graph.initializer(id) != nullptr ||
                     std::find(graph.inputs.begin(), graph.inputs.end(), id) != graph.inputs.end() ||
                     std::find(graph.outputs.begin(), graph.outputs.end(), id) != graph.outputs.end();
  if (taken) {
    const TypeInfo type = graph.value(id).type;
    id = graph.add_node("Identity", {id});
    graph.value(id).type = type;
  }
  graph.rename(id, graph.fresh_name(name));
  graph.outputs.push_back(id);
  return id;
}

Differentiated differentiate_all(const Graph& given, const std::string& loss_name,
                                 const std::vector<std::string>& parameters,
                                 const std::vector<Trainable::State>& states, const DifferentiateOptions& options) {
  Differentiated out;
  out.graph = clone(given);
  Graph& graph = out.graph;
  ops::require_all(graph);
  const std::vector<ValueId> ids = find_constants(graph, parameters, "parameter");
  std::vector<std::string> state_names;
  for (const Trainable::State& state : states) state_names.push_back(state.name);
  make_inputs(graph, ids);
  make_inputs(graph, find_constants(graph, state_names, "state"));
  ops::infer_shapes(graph);
  const ValueId loss = require_value(graph, loss_name, "value");
  check_loss(graph, loss);
  out.loss = loss_name;
  if (std::find(graph.outputs.begin(), graph.outputs.end(), loss) == graph.outputs.end()) graph.outputs.push_back(loss);
  for (const Trainable::State& state : states) {
    const ValueId id = require_value(graph, state.updated, "value");
    graph.outputs.push_back(id);
    out.updated.push_back(graph.value(id).name);
  }

  const Activity activity(graph, loss, ids);
  refuse_missing(graph, activity);
  Recompute recompute(graph, options);
  Reverse reverse(graph, activity, recompute);
  reverse.run(loss);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const ValueId gradient = reverse.gradient(ids[i]);
    if (gradient == kNoValue) {
      out.unreached.push_back(parameters[i]);
      out.gradients.emplace_back();
    } else {
      out.gradients.push_back(graph.value(as_output(graph, gradient, parameters[i] + ".gradient")).name);
    }
  }
  remove_dead(graph);
  out.segments = recompute.segments();
  out.peak_bytes = peak_bytes(graph, options.dims);
  out.peak_bytes_kept = out.peak_bytes;
  return out;
}

Differentiated with_report(const Graph& graph, const std::string& loss, const std::vector<std::string>& parameters,
                           const std::vector<Trainable::State>& states, const DifferentiateOptions& options) {
  Differentiated out = differentiate_all(graph, loss, parameters, states, options);
  if (!options.recompute) return out;
  DifferentiateOptions plain = options;
  plain.recompute = false;
  out.peak_bytes_kept = differentiate_all(graph, loss, parameters, states, plain).peak_bytes;
  return out;
}

}  // namespace

Differentiated differentiate(const Graph& graph, const std::string& loss, const std::vector<std::string>& parameters,
                             const DifferentiateOptions& options) {
  return with_report(graph, loss, parameters, {}, options);
}

Differentiated differentiate(const Trainable& model, const std::string& loss, const DifferentiateOptions& options) {
  return with_report(model.graph, loss, model.parameters, model.states, options);
}

std::vector<std::string> operators_without_gradient(const Graph& given, const std::string& loss,
                                                    const std::vector<std::string>& parameters) {
  Graph graph = clone(given);
  ops::infer_shapes(graph);
  const Activity activity(graph, require_value(graph, loss, "value"), find_constants(graph, parameters, "parameter"));
  return missing_gradients(graph, activity);
}

}  // namespace octet
