// The verifier: what must hold of every graph, with the offender's name when it does not.
#include <set>

#include "octet/graph/graph.h"

namespace octet {
namespace {

void check_node(const Graph& graph, const Node& node, std::vector<bool>& ready, const std::set<std::string>& outside);

void verify_in(const Graph& graph, const std::set<std::string>& outside) {
  std::vector<bool> ready(graph.value_count(), false);
  const auto define = [&](ValueId id, const std::string& by) {
    if (ready[static_cast<std::size_t>(id)]) {
      throw Error(ErrorKind::bad_input, "a value is produced twice").tensor(graph.value(id).name).node(by);
    }
    ready[static_cast<std::size_t>(id)] = true;
  };
  for (const ValueId id : graph.inputs) define(id, "graph input");
  for (const auto& [id, tensor] : graph.initializers()) ready[static_cast<std::size_t>(id)] = true;
  for (const ValueId id : graph.captures()) {
    if (!outside.contains(graph.value(id).name)) continue;
    ready[static_cast<std::size_t>(id)] = true;
  }
  for (const Node& node : graph.nodes) {
    check_node(graph, node, ready, outside);
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) define(id, graph.label(node));
    }
  }
  for (const ValueId id : graph.outputs) {
    if (!ready[static_cast<std::size_t>(id)]) {
      throw Error(ErrorKind::bad_input, "an output of the graph is produced by no node").tensor(graph.value(id).name);
    }
  }
}

void check_node(const Graph& graph, const Node& node, std::vector<bool>& ready, const std::set<std::string>& outside) {
  for (const ValueId id : node.inputs) {
    if (id == kNoValue || ready[static_cast<std::size_t>(id)]) continue;
    throw Error(ErrorKind::bad_input, "a node reads a value that nothing before it produces")
        .node(graph.label(node))
        .tensor(graph.value(id).name)
        .expected("an input, an initializer or the output of an earlier node");
  }
  const std::vector<GraphPtr> bodies = subgraphs(node);
  if (bodies.empty()) return;
  std::set<std::string> visible = outside;
  for (std::size_t i = 0; i < graph.value_count(); ++i) {
    if (ready[i]) visible.insert(graph.value(static_cast<ValueId>(i)).name);
  }
  for (const GraphPtr& body : bodies) verify_in(*body, visible);
}

}  // namespace

void verify(const Graph& graph) {
  if (graph.outputs.empty()) {
    throw Error(ErrorKind::bad_input, "the graph has no outputs").hint("an empty graph computes nothing");
  }
  verify_in(graph, {});
}

}  // namespace octet
