// ReduceMean over all spatial axes with keepdims is GlobalAveragePool, which quantizes as a pool.
#include <algorithm>

#include "octet/rewrite/edit.h"
#include "octet/rewrite/match.h"
#include "octet/rewrite/table.h"

namespace octet::rewrite {
namespace {

int apply(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!edit.is(i, "ReduceMean") || edit.node(i).attributes.integer("keepdims", 1) == 0) continue;
    const Node& mean = edit.node(i);
    const int rank = edit.rank(mean.inputs[0]);
    std::vector<std::int64_t> axes = reduced_axes(edit, mean, rank);
    std::sort(axes.begin(), axes.end());
    std::vector<std::int64_t> spatial;
    for (int axis = 2; axis < rank; ++axis) spatial.push_back(axis);
    if (rank < 3 || axes != spatial) continue;
    edit.produce(mean.outputs[0], "GlobalAveragePool", {mean.inputs[0]});
  }
  return edit.finish();
}

std::vector<Graph> samples() {
  Graph g;
  g.opsets[""] = 13;
  const ValueId x = g.add_input("x", DType::f32, {2, 3, 4, 5});
  Attributes axes;
  axes.set("axes", std::vector<std::int64_t>{-1, 2});
  g.outputs = {g.add_node("ReduceMean", {x}, axes)};
  return {g};
}

}  // namespace

Rewrite global_average_pool() {
  return {"global_average_pool", "ReduceMean over the spatial axes becomes GlobalAveragePool", apply, samples};
}

}  // namespace octet::rewrite
