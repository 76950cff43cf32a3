// If with a constant condition: the branch that is taken moves into the graph.
#include <algorithm>
#include <map>

#include "octet/rewrite/edit.h"
#include "octet/rewrite/table.h"

namespace octet::rewrite {
namespace {

// Copies a branch into the graph around it, in place of an If.
class Inliner {
 public:
  Inliner(Graph& graph, const Graph& branch, std::vector<ValueId> results)
      : graph_(graph), branch_(clone(branch)), results_(std::move(results)) {}

  std::vector<Node> run() {
    for (const auto& [id, tensor] : branch_.initializers()) {
      here_[id] = graph_.add_initializer(graph_.fresh_name(branch_.value(id).name), tensor);
    }
    for (std::size_t i = 0; i < branch_.outputs.size(); ++i) take_result(i);
    for (Node& node : branch_.nodes) copy(std::move(node));
    for (const auto& [from, to] : copied_) {
      Node identity;
      identity.op_type = "Identity";
      identity.inputs = {here(from)};
      identity.outputs = {to};
      nodes_.push_back(std::move(identity));
    }
    return std::move(nodes_);
  }

 private:
  bool made_by_a_node(ValueId id) const {
    for (const Node& node : branch_.nodes) {
      if (std::find(node.outputs.begin(), node.outputs.end(), id) != node.outputs.end()) return true;
    }
    return false;
  }

  // A result takes the If's own value where a node of the branch makes it, once; else it is copied there.
  void take_result(std::size_t i) {
    const ValueId inner = branch_.outputs[i], outer = results_[i];
    if (outer == kNoValue) return;
    if (made_by_a_node(inner) && here_.emplace(inner, outer).second) return;
    copied_.emplace_back(inner, outer);
  }

  // The value of the outer graph for one of the branch; what the branch captures is found by name.
  ValueId here(ValueId id) {
    if (id == kNoValue) return kNoValue;
    if (const auto it = here_.find(id); it != here_.end()) return it->second;
    const std::string& name = branch_.value(id).name;
    const ValueId captured = graph_.find(name);
    return here_[id] = captured != kNoValue ? captured : graph_.add_value(name);
  }

  void copy(Node node) {
    for (ValueId& id : node.inputs) id = here(id);
    for (const GraphPtr& body : subgraphs(node)) rename_captures(*body);
    for (ValueId& id : node.outputs) {
      if (id == kNoValue) continue;
      const auto it = here_.find(id);
      id = it != here_.end() ? it->second : (here_[id] = graph_.add_value(graph_.fresh_name(branch_.value(id).name)));
    }
    nodes_.push_back(std::move(node));
  }

  // Subgraphs name what they capture: those names may have changed on the way out.
  void rename_captures(Graph& body) {
    for (const ValueId inner : body.captures()) {
      const ValueId in_branch = branch_.find(body.value(inner).name);
      if (in_branch == kNoValue) continue;
      const std::string& name = graph_.value(here(in_branch)).name;
      if (name != body.value(inner).name) body.rename(inner, name);
    }
  }

  Graph& graph_;
  Graph branch_;
  std::vector<ValueId> results_;
  std::map<ValueId, ValueId> here_;
  std::vector<std::pair<ValueId, ValueId>> copied_;
  std::vector<Node> nodes_;
};

int apply(Graph& graph) {
  std::vector<Node> nodes;
  int count = 0;
  for (Node& node : graph.nodes) {
    const Tensor* condition = node.op_type == "If" && node.domain.empty() ? graph.initializer(node.inputs[0]) : nullptr;
    if (condition == nullptr || condition->dtype() != DType::boolean || condition->elements() != 1) {
      nodes.push_back(std::move(node));
      continue;
    }
    const Graph& branch = node.attributes.graph(*condition->data<bool>() ? "then_branch" : "else_branch");
    for (Node& moved : Inliner(graph, branch, node.outputs).run()) nodes.push_back(std::move(moved));
    ++count;
  }
  graph.nodes = std::move(nodes);
  if (count > 0) remove_dead(graph);
  return count;
}

GraphPtr branch(float factor, bool captures_only) {
  auto body = std::make_shared<Graph>();
  body->opsets[""] = 13;
  const ValueId x = body->add_value("x");
  const ValueId c = body->add_initializer("factor", Tensor::scalar(factor));
  body->outputs = {captures_only ? x : body->add_node("Mul", {x, c})};
  return body;
}

std::vector<Graph> samples() {
  std::vector<Graph> out;
  for (const bool condition : {true, false}) {
    Graph g;
    g.opsets[""] = 13;
    const ValueId x = g.add_input("x", DType::f32, {2, 3});
    g.add_initializer("factor", Tensor::scalar(5.0f));
    const ValueId c = g.add_initializer("c", Tensor::scalar(condition));
    Attributes branches;
    branches.set("then_branch", branch(3, false));
    branches.set("else_branch", branch(3, true));
    g.outputs = {g.add_node("Relu", {g.add_node("If", {c}, branches)}), x};
    out.push_back(std::move(g));
  }
  return out;
}

}  // namespace

Rewrite inline_if() { return {"inline_if", "If with a constant condition becomes its branch", apply, samples}; }

}  // namespace octet::rewrite
