// A mask of attention that And joins with a constant of nothing but true (exporters write the causal part of a mask for
// networks that have none) is the same for every row of scores: it stays one row.
#include <algorithm>

#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/qdq.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {
namespace {

bool all_true(const Tensor* constant) {
  if (constant == nullptr || constant->dtype() != DType::boolean) return false;
  const auto values = constant->values<bool>();
  return std::all_of(values.begin(), values.end(), [](bool value) { return value; });
}

// Whether the value is nothing but masks, which repeat.
bool only_masks(const Edit& edit, ValueId id) {
  const std::vector<int>& readers = edit.uses().readers(id);
  return !readers.empty() && !edit.uses().is_output(id) && std::all_of(readers.begin(), readers.end(), [&](int reader) {
    const Node& node = edit.node(reader);
    const std::size_t slot = edit.is(reader, "Attention", kDomain) ? 3 : 1;
    const bool masks = slot == 3 || edit.is(reader, "MaskedSoftmax", kDomain);
    return masks && slot < node.inputs.size() && node.inputs[slot] == id &&
           std::count(node.inputs.begin(), node.inputs.end(), id) == 1;
  });
}

// The operand of the And that makes `condition` for one reader, if the other is all true and it has the same dimensions
// but for ones; kNoValue: none.
ValueId narrower(const Edit& edit, ValueId condition) {
  const int i = edit.producer(condition, "And");
  if (i < 0 || !edit.uses().single(condition)) return kNoValue;
  for (const std::size_t slot : {0, 1}) {
    const ValueId kept = edit.node(i).inputs[slot];
    const auto shape = edit.shape(kept), whole = edit.shape(condition);
    if (!all_true(edit.constant(edit.node(i).inputs[1 - slot])) || !shape || !whole) continue;
    if (shape->rank() == whole->rank() && shape->rank() > 0 && shape->back() == whole->back()) return kept;
  }
  return kNoValue;
}

}  // namespace

int narrow_masks(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!edit.is(i, "Where") || !only_masks(edit, edit.node(i).outputs[0])) continue;
    Node& where = edit.node(i);
    const Tensor *yes = edit.constant(where.inputs[1]), *no = edit.constant(where.inputs[2]);
    const ValueId kept = narrower(edit, where.inputs[0]);
    if (kept == kNoValue || yes == nullptr || no == nullptr || yes->elements() != 1 || no->elements() != 1) continue;
    const Shape shape = *edit.shape(kept);
    if (yes->rank() > shape.rank() || no->rank() > shape.rank()) continue;
    where.inputs[0] = kept;
    graph.value(where.outputs[0]).type.shape = symbolic(shape);
    edit.count();
  }
  return edit.finish();
}

}  // namespace octet::runtime
