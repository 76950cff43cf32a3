#include "octet/runtime/lower.h"

#include <algorithm>

#include "octet/ops/op.h"
#include "octet/rewrite/rewrite.h"
#include "octet/runtime/passes/passes.h"

namespace octet::runtime {
namespace {

// Types that a file declares for its intermediate values hold for the shapes it was exported with;
// what follows from this plan's input shapes is inferred anew.
void forget_shapes(Graph& graph) {
  for (const Node& node : graph.nodes) {
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) graph.value(id).type.shape.reset();
    }
  }
}

// Every computed value becomes an output for the time of lowering: so no pass takes it away.
std::vector<ValueId> pin_values(Graph& graph) {
  std::vector<ValueId> pinned;
  for (const Node& node : graph.nodes) {
    for (const ValueId id : node.outputs) {
      if (id != kNoValue && std::find(graph.outputs.begin(), graph.outputs.end(), id) == graph.outputs.end())
        pinned.push_back(id);
    }
  }
  graph.outputs.insert(graph.outputs.end(), pinned.begin(), pinned.end());
  return pinned;
}

}  // namespace

Graph prepare_graph(const Graph& graph) {
  Graph out = clone(graph);
  // An initializer listed among the inputs is a default that no caller of a session overrides.
  std::erase_if(out.inputs, [&](ValueId id) { return out.initializer(id) != nullptr; });
  ops::infer_shapes(out, {.fold = true});
  remove_dead(out);
  return out;
}

Lowered lower(const Graph& graph, const std::vector<std::pair<std::string, Shape>>& shapes, bool keep_values,
              bool float_attention) {
  Lowered lowered{clone(graph), {}};
  Graph& g = lowered.graph;
  forget_shapes(g);
  ops::infer_shapes(g, {.fold = true, .shapes = shapes});
  remove_dead(g);
  if (!keep_values) rewrite::simplify(g);
  const std::size_t own_outputs = g.outputs.size();
  if (keep_values) pin_values(g);
  for (const Pass& pass : passes()) {
    if ((float_attention && pass.apply == attention_in_s8) || pass.apply(g) == 0) continue;
    sort_topologically(g);
    remove_dead(g);
  }
  if (keep_values) {
    lowered.observed = g.outputs;
    g.outputs.resize(own_outputs);
  }
  return lowered;
}

}  // namespace octet::runtime
