// Changes of memory layout between NCHW and NHWC, as batches of matrix transposes.
//
//   transpose_bytes({.batch = n, .rows = channels, .columns = height * width}, nchw, nhwc, pool);
//   transpose_words({.batch = n, .rows = height * width, .columns = channels}, nhwc, nchw, pool);
#pragma once

#include <cstdint>

#include "octet/base/threads.h"

namespace octet::kernels {

struct TransposeShape {
  std::int64_t batch = 1, rows = 0, columns = 0;
};

/// out[b][c][r] = in[b][r][c] for b < batch, r < rows, c < columns; both dense, not overlapping.
/// Elements of one byte (u8, s8, bool) and of four (f32, s32).
void transpose_bytes(const TransposeShape& shape, const void* in, void* out, ThreadPool& pool);
void transpose_words(const TransposeShape& shape, const void* in, void* out, ThreadPool& pool);

}  // namespace octet::kernels
