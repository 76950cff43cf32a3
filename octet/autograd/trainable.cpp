#include "octet/autograd/trainable.h"

#include <algorithm>

#include "octet/autograd/parameters.h"
#include "octet/ops/op.h"
#include "octet/rewrite/rewrite.h"

namespace octet {
namespace {

// Constant nodes become initializers, so that the weights of files that keep them in nodes are found.
void hold_constants(Graph& graph) {
  ThreadPool one(1);
  std::vector<bool> dead(graph.nodes.size(), false);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (node.op_type != "Constant" || !node.domain.empty()) continue;
    const ValueId id = node.outputs[0];
    graph.set_initializer(id, ops::evaluate(ops::require(graph, node), node, graph.opset(), {}, one)[0]);
    dead[i] = true;
  }
  erase_nodes(graph, dead);
}

int inline_branches(Graph& graph) {
  for (const rewrite::Rewrite& row : rewrite::all()) {
    if (row.name == "inline_if") return row.apply(graph);
  }
  return 0;
}

// Folds everything that does not depend on a parameter: those are inputs meanwhile.
void fold_around_parameters(Graph& graph, const TrainableOptions& options) {
  for (bool changed = true; changed;) {
    hold_constants(graph);
    const std::vector<ValueId> parameters = find_parameters(graph);
    std::vector<Tensor> held;
    const std::vector<ValueId> inputs = graph.inputs;
    for (const ValueId id : parameters) {
      held.push_back(*graph.initializer(id));
      graph.value(id).type = {held.back().dtype(), symbolic(held.back().shape())};
      graph.erase_initializer(id);
      graph.inputs.push_back(id);
    }
    ops::infer_shapes(graph, {.fold = true, .dims = options.dims, .shapes = options.shapes});
    graph.inputs = inputs;
    for (std::size_t i = 0; i < parameters.size(); ++i) graph.set_initializer(parameters[i], held[i]);
    changed = inline_branches(graph) > 0;
  }
  remove_dead(graph);
}

// The batch norms whose statistics are constants of their own, in training form.
void train_batch_norms(Trainable& model) {
  Graph& graph = model.graph;
  const Uses uses(graph);
  for (Node& node : graph.nodes) {
    if (node.op_type != "BatchNormalization" || !node.domain.empty()) continue;
    if (node.attributes.integer("training_mode", 0) != 0) continue;
    const bool own = graph.initializer(node.inputs[3]) != nullptr && graph.initializer(node.inputs[4]) != nullptr &&
                     uses.readers(node.inputs[3]).size() == 1 && uses.readers(node.inputs[4]).size() == 1;
    if (!own || node.attributes.integer("spatial", 1) == 0) {
      model.notes.push_back("batch norm " + graph.label(node) +
                            " keeps its statistics: they are not constants of its own");
      continue;
    }
    Attributes form;
    form.set("epsilon", node.attributes.real("epsilon", 1e-5f));
    form.set("momentum", node.attributes.real("momentum", 0.9f));
    node.op_type = "BatchNormTraining";
    node.domain = "octet";
    node.attributes = form;
    node.outputs.resize(5, kNoValue);
    for (std::size_t i = 1; i < 5; ++i) {
      static constexpr const char* kNames[] = {"", ".updated", ".updated", ".batch_mean", ".batch_deviation"};
      const ValueId like = node.inputs[i < 3 ? i + 2 : 3];
      node.outputs[i] = graph.add_value(graph.fresh_name(graph.value(like).name + kNames[i]));
    }
    for (std::size_t i = 1; i < 3; ++i) {
      model.states.push_back({graph.value(node.inputs[i + 2]).name, graph.value(node.outputs[i]).name});
    }
  }
}

double dropout_ratio(const Graph& graph, const Node& node) {
  if (graph.opset() < 12) return node.attributes.real("ratio", 0.5f);
  if (node.inputs.size() < 2 || node.inputs[1] == kNoValue) return 0.5;
  const Tensor* ratio = graph.initializer(node.inputs[1]);
  return ratio != nullptr && ratio->elements() == 1 ? ratio->to_double()[0] : -1;
}

void train_dropouts(Trainable& model, std::uint64_t seed) {
  Graph& graph = model.graph;
  const Uses uses(graph);
  ValueId step = graph.find(kStepInput);
  std::int64_t number = 0;
  for (Node& node : graph.nodes) {
    if (node.op_type != "Dropout" || !node.domain.empty()) continue;
    const double ratio = dropout_ratio(graph, node);
    const bool mask_read = node.outputs.size() > 1 && node.outputs[1] != kNoValue &&
                           (!uses.readers(node.outputs[1]).empty() || uses.is_output(node.outputs[1]));
    if (ratio < 0 || ratio >= 1 || mask_read) {
      model.notes.push_back("dropout " + graph.label(node) + " stays as for inference: " +
                            (mask_read ? "its mask is read" : "its ratio is not a constant below 1"));
      continue;
    }
    if (step == kNoValue) step = graph.add_input(kStepInput, DType::i64, {});
    Attributes form;
    form.set("ratio", static_cast<float>(ratio));
    form.set("seed", static_cast<std::int64_t>(seed * 0x9e3779b97f4a7c15u >> 1) + number++);
    node.domain = "octet";
    node.attributes = form;
    node.inputs = {node.inputs[0], step};
    node.outputs.resize(1);
  }
}

void import_own_domain(Graph& graph) {
  const bool any =
      std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const Node& n) { return n.domain == "octet"; });
  if (any) graph.opsets.emplace("octet", 1);
}

bool frozen(const std::string& name, const TrainableOptions& options) {
  return std::any_of(options.freeze.begin(), options.freeze.end(),
                     [&](const std::string& pattern) { return matches_pattern(name, pattern); });
}

}  // namespace

Trainable make_trainable(const Graph& graph, const TrainableOptions& options) {
  Trainable model;
  model.graph = clone(graph);
  ops::require_all(model.graph);
  // A constant that is an input too is only a default: here it is the constant.
  std::erase_if(model.graph.inputs, [&](ValueId id) { return model.graph.initializer(id) != nullptr; });
  fold_around_parameters(model.graph, options);
  if (options.batch_norm) train_batch_norms(model);
  if (options.dropout) train_dropouts(model, options.seed);
  import_own_domain(model.graph);
  for (const ValueId id : find_parameters(model.graph)) {
    const std::string& name = model.graph.value(id).name;
    if (!frozen(name, options)) model.parameters.push_back(name);
  }
  if (model.parameters.empty()) {
    throw Error(ErrorKind::bad_input, "the network has nothing to train")
        .expected("a float weight or bias that is not frozen");
  }
  return model;
}

Graph inference_form(const Trainable& model) {
  Graph graph = clone(model.graph);
  std::map<ValueId, ValueId> dropped;
  std::vector<bool> dead(graph.nodes.size(), false);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    Node& node = graph.nodes[i];
    if (node.domain != "octet") continue;
    if (node.op_type == "BatchNormTraining") {
      node.op_type = "BatchNormalization";
      node.domain.clear();
      node.attributes.erase("unbiased");
      node.outputs.resize(1);
    } else if (node.op_type == "Dropout") {
      dropped[node.outputs[0]] = node.inputs[0];
      dead[i] = true;
    }
  }
  erase_nodes(graph, dead);
  replace_uses(graph, dropped);
  std::erase_if(graph.outputs, [&](ValueId id) {
    const std::string& name = graph.value(id).name;
    return std::any_of(model.states.begin(), model.states.end(),
                       [&](const Trainable::State& s) { return s.updated == name; });
  });
  const bool steps = std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
    return std::find(node.inputs.begin(), node.inputs.end(), graph.find(kStepInput)) != node.inputs.end();
  });
  if (!steps) std::erase(graph.inputs, graph.find(kStepInput));
  remove_dead(graph);
  const bool own =
      std::any_of(graph.nodes.begin(), graph.nodes.end(), [](const Node& n) { return n.domain == "octet"; });
  if (!own) graph.opsets.erase("octet");
  return graph;
}

}  // namespace octet
