// MatMul or Gemm of float rows by quantized weights, with what follows it, as one runtime node.
#pragma once

#include <string>

#include "octet/runtime/passes/qdq.h"

namespace octet::runtime {

/// How the weights of a product are stored, given their value and the axis of its columns; nothing: not so.
using ReadWeights = std::optional<QuantizedWeights> (*)(const Edit& edit, ValueId id, int axis);
/// Replaces node i by `op_type` of x, weights, their scale, bias or none, residual or none, if it has that form, with
/// the attributes block and zero_point where weights have them. By default weights are s8 with one scale or one a
/// column.
bool fuse_quantized_product(Edit& edit, int i, const std::string& op_type, ReadWeights read = quantized_weights);

}  // namespace octet::runtime
