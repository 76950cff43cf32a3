// Rows quantized one by one as they come, for dynamic quantization.
#pragma once

#include <cstdint>

#include "octet/base/threads.h"

namespace octet::runtime {

/// Symmetric: with top = max |x[m][k]| over k, q = rint(x * (127 / top)) + 128 and scale[m] = top / 127.
/// A row of zeros (or nothing a float can divide by) gets scale 0 and q 128; one with NaN or infinity
/// gets scale NaN. x [rows][k], q [rows][k], scale [rows].
void quantize_rows(const float* x, std::int64_t rows, std::int64_t k, std::uint8_t* q, float* scale, ThreadPool& threads);

}  // namespace octet::runtime
