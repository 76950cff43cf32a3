// Add, Sub and Mul of dequantized tensors (one may be constant), with the Relu or Clip after it, quantized
// again -> QAdd, QSub, QMul.
#include "octet/runtime/passes/chain.h"
#include "octet/runtime/passes/passes.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {
namespace {

// s8 as u8: 128 added.
Tensor as_unsigned(const Tensor& bytes) {
  Tensor out(DType::u8, bytes.shape());
  for (std::int64_t i = 0; i < out.elements(); ++i) {
    out.data<std::uint8_t>()[i] = static_cast<std::uint8_t>(bytes.data<std::int8_t>()[i] + 128);
  }
  return out;
}

// The bytes of an operand, whose parameters are set; kNoValue where it is not quantized.
ValueId operand(Edit& edit, ValueId id, const std::string& prefix, Attributes& attributes) {
  const int producer = edit.producer(id, "DequantizeLinear");
  auto params = tensor_params(edit, producer);
  if (producer < 0 || !params) return kNoValue;
  ValueId bytes = edit.node(producer).inputs[0];
  if (params->dtype == DType::i8) {
    const Tensor* constant = edit.constant(bytes);
    if (constant == nullptr) return kNoValue;
    bytes = add_constant(edit.graph(), edit.graph().value(bytes).name + "_u8", as_unsigned(*constant));
    params->zero_point += 128;
  }
  attributes.set(prefix + "_scale", params->scale);
  attributes.set(prefix + "_zero", params->zero_point);
  return bytes;
}

bool is_limit(const Chain& chain) {
  return !chain.activation || chain.activation->name == "relu" || chain.activation->name == "clamp";
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
    if (chain.output_params && is_limit(chain)) fuse(edit, i, chain, "Q" + name, {a, b}, std::move(attributes));
  }
  return edit.finish();
}

}  // namespace octet::runtime
