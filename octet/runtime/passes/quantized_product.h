// MatMul or Gemm of float rows by int8 weights with a scale a column, with what follows it, as one runtime node.
#pragma once

#include <string>

#include "octet/runtime/passes/qdq.h"

namespace octet::runtime {

/// Replaces node i by `op_type` of x, weights s8, their scale, bias or none, residual or none, if it has that form.
bool fuse_quantized_product(Edit& edit, int i, const std::string& op_type);

}  // namespace octet::runtime
