// Products of float rows by weights of 8 or 4 bits -> WeightOnlyLinear: weights stay so in memory.
#include "octet/kernels/weight_only/weight_only.h"
#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/quantized_product.h"

namespace octet::runtime {
namespace {

bool is_rows(const Edit& edit, ValueId x) {
  const auto shape = edit.shape(x);
  return shape && shape->rank() >= 1 && edit.graph().value(x).type.dtype == DType::f32;
}

// Blocks that the kernel does not serve are made float.
std::optional<QuantizedWeights> served_weights(const Edit& edit, ValueId id, int axis) {
  auto out = block_quantized_weights(edit, id, axis);
  if (out && !kernels::weight_only_serves({.block = out->block})) return std::nullopt;
  return out;
}

}  // namespace

int fuse_weight_only(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if ((edit.is(i, "MatMul") || edit.is(i, "Gemm")) && is_rows(edit, edit.node(i).inputs[0]))
      fuse_quantized_product(edit, i, "WeightOnlyLinear", served_weights);
  }
  return edit.finish();
}

}  // namespace octet::runtime
