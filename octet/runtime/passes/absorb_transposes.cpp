// Transposes around products of two activations (the heads of attention) become strides of the product.
#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/qdq.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {
namespace {

using Perm = std::vector<std::int64_t>;

// The permutation of a Transpose whose last axis stays where it is; empty for any other node.
Perm perm_of(const Edit& edit, int transpose, bool last_stays) {
  if (transpose < 0 || !edit.shape(edit.node(transpose).inputs[0])) return {};
  Perm perm = edit.node(transpose).attributes.integers("perm");
  if (perm.size() < 2 || (last_stays && perm.back() != static_cast<std::int64_t>(perm.size()) - 1)) return {};
  return perm;
}

void absorb_input(Edit& edit, int i, std::size_t slot, const char* attribute) {
  Node& node = edit.node(i);
  if (node.attributes.has(attribute)) return;
  // The kernels read rows of the first operand, which must be contiguous; the second is packed from any strides.
  const int transpose = edit.producer(node.inputs[slot], "Transpose");
  const Perm perm = perm_of(edit, transpose, slot == 0);
  if (perm.empty()) return;
  node.attributes.set(attribute, perm);
  node.inputs[slot] = edit.node(transpose).inputs[0];
  edit.count();
}

void absorb_output(Edit& edit, int i) {
  Node& node = edit.node(i);
  const int transpose = edit.only_reader(node.outputs[0], "Transpose");
  const Perm perm = perm_of(edit, transpose, true);
  if (perm.empty() || node.inputs.size() > 2) return;
  node.attributes.set("y_perm", perm);
  node.outputs[0] = edit.node(transpose).outputs[0];
  edit.remove(transpose);
  edit.count();
}

}  // namespace

int absorb_transposes(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!edit.is(i, "MatMul", kDomain) && !edit.is(i, "QMatMul", kDomain)) continue;
    absorb_input(edit, i, 0, "a_perm");
    absorb_input(edit, i, 1, "b_perm");
    absorb_output(edit, i);
  }
  return edit.finish();
}

}  // namespace octet::runtime
