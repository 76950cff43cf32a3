// Embedding: rows of an int8 table, made float as they are read, so that the table stays int8 in memory.
//   inputs   table s8 [R, ...]; scale f32 [1] or [R]; indices i32 or i64, from the end where negative
//   y[i..., ...] = float(table[indices[i]]) * scale[indices[i]]
// Source: ONNX Gather-13 of DequantizeLinear-13.
#include "octet/ops/movement.h"
#include "octet/runtime/ops/fused.h"

namespace octet::runtime {
namespace {

std::int64_t index_at(const Tensor& indices, std::int64_t i) {
  return indices.dtype() == DType::i32 ? indices.data<std::int32_t>()[i] : indices.data<std::int64_t>()[i];
}

void eval(EvalContext& ctx) {
  const Tensor &table = ctx.input(0), &scale = ctx.input(1), &indices = ctx.input(2);
  Shape shape = indices.shape();
  for (int i = 1; i < table.rank(); ++i) shape.push_back(table.dim(i));
  float* const y = ctx.output(0, DType::f32, shape).data<float>();
  const std::int64_t width = table.shape().elements(1, table.rank());
  for (std::int64_t i = 0; i < indices.elements(); ++i) {
    const std::int64_t row = ops::checked_index(ctx, index_at(indices, i), table.dim(0));
    const std::int8_t* const from = table.data<std::int8_t>() + row * width;
    const float factor = scale.data<float>()[scale.elements() == 1 ? 0 : row];
    for (std::int64_t k = 0; k < width; ++k) y[i * width + k] = static_cast<float>(from[k]) * factor;
  }
}

}  // namespace

std::vector<RuntimeOp> embedding_op() {
  return {{.def = {.name = "Embedding", .domain = kDomain, .inputs = {3, 3}, .eval = eval}, .int8 = true}};
}

}  // namespace octet::runtime
