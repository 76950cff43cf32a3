// Rows quantized one by one as they come, for dynamic quantization.
#pragma once

#include <cstdint>

#include "octet/base/threads.h"

namespace octet::runtime {

/// Symmetric: with top = max |x[m][k]| over k, q = rint(x * (127 / top)) + 128 and scale[m] = top / 127.
/// A row of zeros (or nothing a float can divide by) gets scale 0 and q 128; one with NaN or infinity
/// gets scale NaN. x [rows][k], q [rows][k], scale [rows].
void quantize_rows(const float* x, std::int64_t rows, std::int64_t k, std::uint8_t* q, float* scale, ThreadPool& threads);

/// A whole tensor as ONNX's DynamicQuantizeLinear does: scale = (max(x, 0) - min(x, 0)) / 255, q = rint(x / scale) +
/// zero_point in 0..255. A tensor of zeros has scale 1. Throws bad_input for NaN and infinity.
struct TensorScale {
  float scale = 1;
  int zero_point = 0;
};
TensorScale quantize_tensor(const float* x, std::int64_t count, std::uint8_t* q, ThreadPool& threads);

}  // namespace octet::runtime
