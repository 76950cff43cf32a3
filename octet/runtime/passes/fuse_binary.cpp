// Add, Sub and Mul of dequantized tensors (one may be a float constant), with the activation after it,
// quantized again -> QAdd, QSub, QMul.
#include "octet/runtime/passes/chain.h"
#include "octet/runtime/passes/passes.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {
namespace {

// The operand as the runtime's operator takes it: bytes, whose parameters are set, or a float constant.
ValueId operand(const Edit& edit, ValueId id, const std::string& prefix, Attributes& attributes) {
  if (const auto x = dequantized(edit, id)) {
    attributes.set(prefix + "_scale", x->params.scale);
    attributes.set(prefix + "_zero", x->params.zero_point);
    return x->bytes;
  }
  const Tensor* constant = edit.constant(id);
  return constant != nullptr && constant->dtype() == DType::f32 ? id : kNoValue;
}

}  // namespace

int fuse_binary(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    const std::string name = edit.node(i).op_type;
    if (!edit.is(i, "Add") && !edit.is(i, "Sub") && !edit.is(i, "Mul")) continue;
    Attributes attributes;
    const ValueId a = operand(edit, edit.node(i).inputs[0], "a", attributes);
    const ValueId b = operand(edit, edit.node(i).inputs[1], "b", attributes);
    if (a == kNoValue || b == kNoValue || !edit.shape(a) || !edit.shape(b)) continue;
    const Chain chain = follow_activation(edit, i);
    if (chain.output_params) fuse(edit, i, chain, "Q" + name, {a, b}, std::move(attributes));
  }
  return edit.finish();
}

}  // namespace octet::runtime
