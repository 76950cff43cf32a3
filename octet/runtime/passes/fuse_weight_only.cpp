// Products of few float rows by int8 weights -> WeightOnlyLinear: weights stay int8 in memory. With more rows the
// weights are worth making float once.
#include "octet/kernels/weight_only/weight_only.h"
#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/quantized_product.h"

namespace octet::runtime {
namespace {

bool has_few_rows(const Edit& edit, ValueId x) {
  const auto shape = edit.shape(x);
  if (!shape || shape->rank() < 1 || edit.graph().value(x).type.dtype != DType::f32) return false;
  const std::int64_t rows = shape->elements(0, shape->rank() - 1);
  return rows > 0 && rows <= kernels::kWeightOnlyRows;
}

}  // namespace

int fuse_weight_only(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if ((edit.is(i, "MatMul") || edit.is(i, "Gemm")) && has_few_rows(edit, edit.node(i).inputs[0]))
      fuse_quantized_product(edit, i, "WeightOnlyLinear");
  }
  return edit.finish();
}

}  // namespace octet::runtime
