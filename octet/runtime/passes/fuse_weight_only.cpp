// Products of float rows by int8 weights -> WeightOnlyLinear: weights stay int8 in memory.
#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/quantized_product.h"

namespace octet::runtime {
namespace {

bool is_rows(const Edit& edit, ValueId x) {
  const auto shape = edit.shape(x);
  return shape && shape->rank() >= 1 && edit.graph().value(x).type.dtype == DType::f32;
}

}  // namespace

int fuse_weight_only(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if ((edit.is(i, "MatMul") || edit.is(i, "Gemm")) && is_rows(edit, edit.node(i).inputs[0]))
      fuse_quantized_product(edit, i, "WeightOnlyLinear");
  }
  return edit.finish();
}

}  // namespace octet::runtime
