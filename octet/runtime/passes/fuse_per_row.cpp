// MatMul, Gemm and Conv with int8 weights whose activations are quantized row by row (metadata
// "octet.dynamic_per_row") -> DynamicLinear, DynamicConv.
#include "octet/runtime/passes/chain.h"
#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/per_row.h"

namespace octet::runtime {
namespace {

bool is_bias(const Edit& edit, ValueId id, std::int64_t columns) {
  const Tensor* bias = edit.constant(id);
  return bias != nullptr && bias->dtype() == DType::f32 && bias->elements() == columns &&
         (bias->rank() == 0 || bias->shape().back() == columns);
}

void fuse_linear(Edit& edit, int i) {
  const Node& node = edit.node(i);
  const bool gemm = node.op_type == "Gemm";
  const Attributes& a = node.attributes;
  if (gemm && (a.real("alpha", 1) != 1 || a.real("beta", 1) != 1 || a.integer("transA", 0) != 0)) return;
  const std::int64_t transposed = gemm ? a.integer("transB", 0) : 0;
  const int axis = transposed != 0 ? 0 : 1;
  const auto w = quantized_weights(edit, node.inputs[1], axis);
  if (!w || edit.constant(w->bytes)->rank() != 2) return;
  const std::int64_t columns = edit.constant(w->bytes)->dim(axis);
  ValueId bias = gemm && node.inputs.size() > 2 ? node.inputs[2] : kNoValue;
  if (bias != kNoValue && !is_bias(edit, bias, columns)) return;
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
  fuse(edit, i, chain, "DynamicLinear", {node.inputs[0], w->bytes, w->scale, bias}, std::move(attributes));
}

void fuse_conv(Edit& edit, int i) {
  const Node& node = edit.node(i);
  const auto w = quantized_weights(edit, node.inputs[1], 0);
  const ValueId bias = node.inputs.size() > 2 ? node.inputs[2] : kNoValue;
  const int rank = w ? edit.constant(w->bytes)->rank() : 0;
  if ((rank != 3 && rank != 4) || (bias != kNoValue && edit.constant(bias) == nullptr)) return;
  Attributes attributes = node.attributes;
  attributes.set("channels_last", std::int64_t{0});
  fuse(edit, i, follow(edit, i, false), "DynamicConv", {node.inputs[0], w->bytes, w->scale, bias},
       std::move(attributes));
}

}  // namespace

int fuse_per_row(Graph& graph) {
  const PerRowNames per_row(graph);
  if (per_row.empty()) return 0;
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!per_row.contains(edit.node(i))) continue;
    if (edit.is(i, "MatMul") || edit.is(i, "Gemm")) fuse_linear(edit, i);
    if (edit.is(i, "Conv")) fuse_conv(edit, i);
  }
  return edit.finish();
}

}  // namespace octet::runtime
