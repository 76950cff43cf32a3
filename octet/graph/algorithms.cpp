// Walks over a graph: who uses what, ordering, removal, replacement, copying.
#include <algorithm>
#include <queue>

#include "octet/graph/graph.h"

namespace octet {
namespace {

std::size_t at(ValueId id) { return static_cast<std::size_t>(id); }

// Values that a node reads: its inputs, and what its subgraphs capture from this graph.
std::vector<ValueId> reads(const Graph& graph, const Node& node) {
  std::vector<ValueId> out;
  for (const ValueId id : node.inputs) {
    if (id != kNoValue) out.push_back(id);
  }
  for (const GraphPtr& body : subgraphs(node)) {
    for (const ValueId inner : body->captures()) {
      const ValueId id = graph.find(body->value(inner).name);
      if (id != kNoValue) out.push_back(id);
    }
  }
  return out;
}

// Renames captures of `from` (by name) in the subgraphs of every node.
void rename_captures(Graph& graph, const std::string& from, const std::string& to) {
  for (Node& node : graph.nodes) {
    for (const GraphPtr& body : subgraphs(node)) {
      const ValueId inner = body->find(from);
      if (inner == kNoValue) continue;
      const auto captured = body->captures();
      if (std::find(captured.begin(), captured.end(), inner) == captured.end()) continue;
      const ValueId existing = body->find(to);
      if (existing == kNoValue) {
        body->rename(inner, to);
      } else {
        replace_uses(*body, inner, existing);
      }
    }
  }
}

[[noreturn]] void report_cycle(const Graph& graph, const std::vector<std::vector<int>>& successors,
                               const std::vector<int>& waiting) {
  // Every node left waits for another that is left: following predecessors must come round.
  std::vector<int> predecessor(graph.nodes.size(), -1);
  for (std::size_t i = 0; i < successors.size(); ++i) {
    if (waiting[i] == 0) continue;
    for (const int s : successors[i]) predecessor[at(s)] = static_cast<int>(i);
  }
  int node =
      static_cast<int>(std::find_if(waiting.begin(), waiting.end(), [](int w) { return w > 0; }) - waiting.begin());
  std::vector<bool> seen(graph.nodes.size(), false);
  while (!seen[at(node)]) {
    seen[at(node)] = true;
    node = predecessor[at(node)];
  }
  std::string chain = graph.label(graph.nodes[at(node)]);
  int length = 0;
  for (int step = predecessor[at(node)]; step != node; step = predecessor[at(step)]) {
    if (++length <= 10) chain.insert(0, graph.label(graph.nodes[at(step)]) + " -> ");
  }
  throw Error(ErrorKind::bad_input, "the graph has a cycle")
      .node(graph.label(graph.nodes[at(node)]))
      .value(graph.label(graph.nodes[at(node)]) + " -> " + (length > 10 ? "... -> " : "") + chain);
}

}  // namespace

Uses::Uses(const Graph& graph)
    : producer_(graph.value_count(), -1), readers_(graph.value_count()), is_output_(graph.value_count(), false) {
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const ValueId id : reads(graph, graph.nodes[i])) readers_[at(id)].push_back(static_cast<int>(i));
    for (const ValueId id : graph.nodes[i].outputs) {
      if (id != kNoValue) producer_[at(id)] = static_cast<int>(i);
    }
  }
  for (const ValueId id : graph.outputs) is_output_[at(id)] = true;
}

Graph clone(const Graph& graph) {
  Graph copy = graph;
  for (Node& node : copy.nodes) {
    for (auto& [name, value] : node.attributes) {
      if (GraphPtr* body = std::get_if<GraphPtr>(&value)) *body = std::make_shared<Graph>(clone(**body));
    }
  }
  return copy;
}

void sort_topologically(Graph& graph) {
  const std::size_t count = graph.nodes.size();
  const Uses uses(graph);
  std::vector<std::vector<int>> successors(count);
  std::vector<int> waiting(count, 0);
  for (std::size_t i = 0; i < count; ++i) {
    for (const ValueId id : reads(graph, graph.nodes[i])) {
      const int producer = uses.producer(id);
      if (producer < 0) continue;
      successors[at(producer)].push_back(static_cast<int>(i));
      ++waiting[i];
    }
  }
  // The smallest ready index first keeps the order of the file wherever it is already valid.
  std::priority_queue<int, std::vector<int>, std::greater<>> ready;
  for (std::size_t i = 0; i < count; ++i) {
    if (waiting[i] == 0) ready.push(static_cast<int>(i));
  }
  std::vector<int> order;
  while (!ready.empty()) {
    const int node = ready.top();
    ready.pop();
    order.push_back(node);
    for (const int s : successors[at(node)]) {
      if (--waiting[at(s)] == 0) ready.push(s);
    }
  }
  if (order.size() != count) report_cycle(graph, successors, waiting);
  std::vector<Node> sorted;
  sorted.reserve(count);
  for (const int i : order) sorted.push_back(std::move(graph.nodes[at(i)]));
  graph.nodes = std::move(sorted);
}

void erase_nodes(Graph& graph, const std::vector<bool>& dead) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (i < dead.size() && dead[i]) continue;
    if (kept != i) graph.nodes[kept] = std::move(graph.nodes[i]);
    ++kept;
  }
  graph.nodes.resize(kept);
}

int remove_dead(Graph& graph) {
  const Uses uses(graph);
  std::vector<bool> live(graph.nodes.size(), false), used(graph.value_count(), false);
  std::vector<ValueId> todo = graph.outputs;
  while (!todo.empty()) {
    const ValueId id = todo.back();
    todo.pop_back();
    if (used[at(id)]) continue;
    used[at(id)] = true;
    const int producer = uses.producer(id);
    if (producer < 0 || live[at(producer)]) continue;
    live[at(producer)] = true;
    for (const ValueId read : reads(graph, graph.nodes[at(producer)])) todo.push_back(read);
  }
  std::vector<bool> dead(live.size());
  for (std::size_t i = 0; i < live.size(); ++i) dead[i] = !live[i];
  const auto removed = static_cast<int>(std::count(dead.begin(), dead.end(), true));
  erase_nodes(graph, dead);
  for (const ValueId id : graph.inputs) used[at(id)] = true;  // a default of an input stays
  std::vector<ValueId> unused;
  for (const auto& [id, tensor] : graph.initializers()) {
    if (!used[at(id)]) unused.push_back(id);
  }
  for (const ValueId id : unused) graph.erase_initializer(id);
  return removed;
}

void replace_uses(Graph& graph, const std::map<ValueId, ValueId>& replacements) {
  if (replacements.empty()) return;
  const auto target = [&](ValueId id) {
    for (auto it = replacements.find(id); it != replacements.end(); it = replacements.find(id)) id = it->second;
    return id;
  };
  bool any_subgraph = false;
  for (Node& node : graph.nodes) {
    for (ValueId& id : node.inputs) id = target(id);
    any_subgraph = any_subgraph || !subgraphs(node).empty();
  }
  if (any_subgraph) {
    for (const auto& [from, to] : replacements) {
      rename_captures(graph, graph.value(from).name, graph.value(target(to)).name);
    }
  }
  for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
    const ValueId from = graph.outputs[i], to = target(from);
    if (from == to) continue;
    const auto in = [&](const std::vector<ValueId>& list) {
      return std::find(list.begin(), list.end(), to) != list.end();
    };
    const std::string name = graph.value(from).name;
    graph.rename(from, graph.fresh_name(name + "_replaced"));
    if (in(graph.inputs) || in(graph.outputs) || graph.initializer(to) != nullptr) {
      graph.outputs[i] = graph.add_node("Identity", {to});
      graph.rename(graph.outputs[i], name);
    } else {
      graph.rename(to, name);
      graph.outputs[i] = to;
    }
  }
}

}  // namespace octet
