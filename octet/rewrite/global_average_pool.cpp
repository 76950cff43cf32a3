// ReduceMean over all spatial axes is GlobalAveragePool, which quantizes as a pool; without keepdims Flatten
// takes the axes of one away.
#include <algorithm>

#include "octet/rewrite/edit.h"
#include "octet/rewrite/match.h"
#include "octet/rewrite/table.h"

namespace octet::rewrite {
namespace {

int apply(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!edit.is(i, "ReduceMean") || !is_float(graph.value(edit.node(i).inputs[0]).type.dtype)) continue;
    const Node& mean = edit.node(i);
    const ValueId x = mean.inputs[0], y = mean.outputs[0];
    const int rank = edit.rank(x);
    std::vector<std::int64_t> axes = reduced_axes(edit, mean, rank);
    std::sort(axes.begin(), axes.end());
    std::vector<std::int64_t> spatial;
    for (int axis = 2; axis < rank; ++axis) spatial.push_back(axis);
    if (rank < 3 || axes != spatial) continue;
    if (mean.attributes.integer("keepdims", 1) != 0) {
      edit.produce(y, "GlobalAveragePool", {x});
      continue;
    }
    SymbolicShape shape = *graph.value(x).type.shape;
    for (std::size_t axis = 2; axis < shape.size(); ++axis) shape[axis] = Dim(1);
    const TypeInfo type{graph.value(x).type.dtype, std::move(shape)};
    const ValueId pooled = graph.add_value(graph.fresh_name(graph.value(y).name + "_pooled"), type);
    edit.produce_new(pooled, "GlobalAveragePool", {x});
    edit.produce(y, "Flatten", {pooled});
  }
  return edit.finish();
}

std::vector<Graph> samples() {
  std::vector<Graph> out;
  for (const std::int64_t keepdims : {1, 0}) {
    Graph g;
    g.opsets[""] = 13;
    const ValueId x = g.add_input("x", DType::f32, {2, 3, 4, 5});
    Attributes attributes;
    attributes.set("axes", std::vector<std::int64_t>{-1, 2});
    attributes.set("keepdims", keepdims);
    g.outputs = {g.add_node("ReduceMean", {x}, attributes)};
    out.push_back(std::move(g));
  }
  return out;
}

}  // namespace

Rewrite global_average_pool() {
  return {"global_average_pool", "ReduceMean over the spatial axes becomes GlobalAveragePool", apply, samples};
}

}  // namespace octet::rewrite
