// MatMul, Gemm and Conv with int8 weights whose activations are quantized row by row (metadata
// "octet.dynamic_per_row") -> DynamicLinear, DynamicConv.
#include "octet/runtime/passes/chain.h"
#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/per_row.h"
#include "octet/runtime/passes/quantized_product.h"

namespace octet::runtime {
namespace {

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
    if (edit.is(i, "MatMul") || edit.is(i, "Gemm")) fuse_quantized_product(edit, i, "DynamicLinear");
    if (edit.is(i, "Conv")) fuse_conv(edit, i);
  }
  return edit.finish();
}

}  // namespace octet::runtime
