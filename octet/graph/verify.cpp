// The verifier: what must hold of every graph, with the offender's name when it does not.
#include "octet/graph/graph.h"

namespace octet {
namespace {

// What is defined so far in a graph and, through `outer`, in those around it.
struct Scope {
  const Graph& graph;
  const Scope* outer;
  std::vector<bool> ready;

  Scope(const Graph& g, const Scope* around) : graph(g), outer(around), ready(g.value_count(), false) {}

  void define(ValueId id, const std::string& by) {
    if (ready[static_cast<std::size_t>(id)]) {
      throw Error(ErrorKind::bad_input, "a value is produced twice").tensor(graph.value(id).name).node(by);
    }
    ready[static_cast<std::size_t>(id)] = true;
  }

  // Whether a capture of this name finds something in an enclosing graph.
  bool found_outside(const std::string& name) const {
    for (const Scope* scope = outer; scope != nullptr; scope = scope->outer) {
      const ValueId id = scope->graph.find(name);
      if (id != kNoValue && scope->ready[static_cast<std::size_t>(id)]) return true;
    }
    return false;
  }
};

void verify_in(const Graph& graph, const Scope* outer);

void check_node(const Node& node, const Scope& scope) {
  for (const ValueId id : node.inputs) {
    if (id == kNoValue || scope.ready[static_cast<std::size_t>(id)]) continue;
    throw Error(ErrorKind::bad_input, "a node reads a value that nothing before it produces")
        .node(scope.graph.label(node))
        .tensor(scope.graph.value(id).name)
        .expected("an input, an initializer or the output of an earlier node");
  }
  for (const GraphPtr& body : subgraphs(node)) verify_in(*body, &scope);
}

void verify_in(const Graph& graph, const Scope* outer) {
  Scope scope(graph, outer);
  for (const ValueId id : graph.inputs) scope.define(id, "graph input");
  for (const auto& [id, tensor] : graph.initializers()) scope.ready[static_cast<std::size_t>(id)] = true;
  if (outer != nullptr) {
    for (const ValueId id : graph.captures()) {
      if (scope.found_outside(graph.value(id).name)) scope.ready[static_cast<std::size_t>(id)] = true;
    }
  }
  for (const Node& node : graph.nodes) {
    check_node(node, scope);
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) scope.define(id, graph.label(node));
    }
  }
  for (const ValueId id : graph.outputs) {
    if (!scope.ready[static_cast<std::size_t>(id)]) {
      throw Error(ErrorKind::bad_input, "an output of the graph is produced by no node").tensor(graph.value(id).name);
    }
  }
}

}  // namespace

void verify(const Graph& graph) {
  if (graph.outputs.empty()) {
    throw Error(ErrorKind::bad_input, "the graph has no outputs").hint("an empty graph computes nothing");
  }
  verify_in(graph, nullptr);
}

}  // namespace octet
