// Reshape, Flatten, Squeeze or Unsqueeze before a Reshape with a fully known target is skipped: the
// elements lie in the same order.
#include "octet/rewrite/edit.h"
#include "octet/rewrite/table.h"

namespace octet::rewrite {
namespace {

// The target names every dimension itself: no 0 (copied from the input), which would now mean another.
bool independent(const Edit& edit, const Node& reshape) {
  const Tensor* target = reshape.inputs.size() > 1 ? edit.constant(reshape.inputs[1]) : nullptr;
  if (target == nullptr) return false;
  for (const std::int64_t dim : target->to_int64()) {
    if (dim == 0) return false;
  }
  return true;
}

int apply(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!edit.is(i, "Reshape") || !independent(edit, edit.node(i))) continue;
    Node& reshape = edit.node(i);
    for (const char* op : {"Reshape", "Flatten", "Squeeze", "Unsqueeze"}) {
      const int producer = edit.producer(reshape.inputs[0], op);
      if (producer < 0) continue;
      reshape.inputs[0] = edit.node(producer).inputs[0];
      edit.count();
      break;
    }
  }
  return edit.finish();
}

std::vector<Graph> samples() {
  Graph g;
  g.opsets[""] = 13;
  const ValueId x = g.add_input("x", DType::f32, {2, 3, 4});
  const ValueId flat = g.add_node("Flatten", {x});
  const ValueId shape = g.add_initializer("shape", Tensor::from<std::int64_t>({2}, {-1, 6}));
  g.outputs = {g.add_node("Reshape", {flat, shape})};
  return {g};
}

}  // namespace

Rewrite cancel_reshapes() {
  return {"cancel_reshapes", "skips reshapes whose result is reshaped again", apply, samples};
}

}  // namespace octet::rewrite
