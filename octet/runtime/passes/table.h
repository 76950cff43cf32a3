// Tables of 256 bytes: what a function of one quantized number gives for each of them.
#pragma once

#include "octet/runtime/passes/qdq.h"

namespace octet::runtime {

/// real = (q - zero_point) * scale for q = 0..255.
Tensor dequantized_levels(const TensorParams& params);
/// q = clamp(rint(real / scale) + zero_point), NaN gives 255; `real` has 256 numbers.
Tensor quantized_levels(const Tensor& real, const TensorParams& params);
Tensor requantize_table(const TensorParams& from, const TensorParams& to);

}  // namespace octet::runtime
