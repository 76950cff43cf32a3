#include "octet/runtime/passes/quantized_product.h"

#include "octet/runtime/passes/chain.h"

namespace octet::runtime {
namespace {

bool is_bias(const Edit& edit, ValueId id, std::int64_t columns) {
  const Tensor* bias = edit.constant(id);
  return bias != nullptr && bias->dtype() == DType::f32 && bias->elements() == columns &&
         (bias->rank() == 0 || bias->shape().back() == columns);
}

}  // namespace

bool fuse_quantized_product(Edit& edit, int i, const std::string& op_type, ReadWeights read) {
  const Node& node = edit.node(i);
  const bool gemm = node.op_type == "Gemm";
  const Attributes& a = node.attributes;
  if (gemm && (a.real("alpha", 1) != 1 || a.real("beta", 1) != 1 || a.integer("transA", 0) != 0)) return false;
  const std::int64_t transposed = gemm ? a.integer("transB", 0) : 0;
  const int axis = transposed != 0 ? 0 : 1;
  const auto w = read(edit, node.inputs[1], axis);
  if (!w || edit.constant(w->bytes)->rank() != 2) return false;
  const std::int64_t columns = edit.constant(w->bytes)->dim(axis);
  ValueId bias = gemm && node.inputs.size() > 2 ? node.inputs[2] : kNoValue;
  if (bias != kNoValue && !is_bias(edit, bias, columns)) return false;
  int start = i;
  const int add = gemm ? -1 : edit.only_reader(node.outputs[0], "Add");
  if (add >= 0 && is_bias(edit, edit.other_input(add, node.outputs[0]), columns)) {
    bias = edit.other_input(add, node.outputs[0]);
    start = add;
  }
  Chain chain = follow(edit, start, false);
  if (start != i) chain.nodes.push_back(start);
  Attributes attributes;
  attributes.set("transB", transposed);
  if (w->block != 0) attributes.set("block", w->block);
  if (w->zero_point != kNoValue) attributes.set("zero_point", *edit.constant(w->zero_point));
  fuse(edit, i, chain, op_type, {node.inputs[0], w->bytes, w->scale, bias}, std::move(attributes));
  return true;
}

}  // namespace octet::runtime
