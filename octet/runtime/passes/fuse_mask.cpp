// Add of a mask -> Softmax along the last axis becomes MaskedSoftmax.
#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/qdq.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {
namespace {

bool is_f32(const Edit& edit, ValueId id) { return edit.graph().value(id).type.dtype == DType::f32; }

bool along_last_axis(const Edit& edit, const Node& softmax, int rank) {
  const bool by_axis = edit.graph().opset() >= 13;  // before: all axes from the given one on
  const std::int64_t axis = softmax.attributes.integer("axis", by_axis ? -1 : 1);
  return rank > 0 && (axis == -1 || axis == rank - 1);
}

}  // namespace

int fuse_mask(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!edit.is(i, "Add") || !is_f32(edit, edit.node(i).outputs[0])) continue;
    const ValueId sum = edit.node(i).outputs[0];
    const int softmax = edit.only_reader(sum, "Softmax");
    const auto shape = edit.shape(sum);
    if (softmax < 0 || !shape || !along_last_axis(edit, edit.node(softmax), shape->rank())) continue;
    for (const int slot : {0, 1}) {
      const ValueId x = edit.node(i).inputs[static_cast<std::size_t>(slot)],
                    mask = edit.node(i).inputs[static_cast<std::size_t>(1 - slot)];
      const auto x_shape = edit.shape(x), mask_shape = edit.shape(mask);
      if (!x_shape || !mask_shape || !(*x_shape == *shape) || mask_shape->rank() == 0) continue;
      if (mask_shape->back() != shape->back()) continue;
      const ValueId out = edit.node(softmax).outputs[0];
      const std::string name = edit.node(softmax).name;
      edit.remove(i);
      edit.produce(out, "MaskedSoftmax", {x, mask}, {}, name, kDomain);
      break;
    }
  }
  return edit.finish();
}

}  // namespace octet::runtime
