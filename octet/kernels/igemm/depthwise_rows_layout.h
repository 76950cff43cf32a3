// How the weights and constants of depthwise_rows.h lie in memory, for what packs and what runs.
#pragma once

#include "octet/kernels/igemm/depthwise_rows.h"

namespace octet::kernels {

inline std::int64_t parts(const IgemmKernel& kernel, const ConvShape& s) {
  return (s.kernel_height + kernel.rows->taps_a_part - 1) / kernel.rows->taps_a_part;
}

inline bool by_halves(const IgemmKernel& kernel, const ConvShape& s) { return kernel.rows->halves && s.stride_w == 1; }

// Multiply-adds that the weights of a vector of channels are packed for.
inline std::int64_t products(const IgemmKernel& kernel, const ConvShape& s) {
  return by_halves(kernel, s) ? s.kernel_height == 5 ? 7 : 6 : s.kernel_width * parts(kernel, s);
}

// Weights of a block; for s32 sums follow, in the kernel's order, their sums and those that a column of padding is
// multiplied with.
inline std::int64_t sums_offset(const IgemmKernel& kernel, const ConvShape& s) {
  return products(kernel, s) * kernel.nr * kernel.rows->taps_a_part * kernel.rows->weight_bytes;
}
inline std::int64_t sums_of_a_channel(const IgemmKernel& kernel, const ConvShape& s) {
  return kernel.a_bytes == 4 ? 0 : by_halves(kernel, s) ? 1 + s.kernel_width : 1;
}
// What a channel starts from, its scale, and what columns of padding add.
inline std::int64_t constants_of_a_channel(const IgemmKernel& kernel, const ConvShape& s) {
  return kernel.a_bytes == 4 ? 0 : 1 + sums_of_a_channel(kernel, s);
}
inline std::int64_t block_bytes(const IgemmKernel& kernel, const ConvShape& s) {
  return sums_offset(kernel, s) + 4 * sums_of_a_channel(kernel, s) * kernel.nr;
}

// Whose block begins at channel n.
inline const IgemmKernel& kernel_at(const IgemmKernel& kernel, const ConvShape& s, std::int64_t n) {
  const IgemmKernel* tail = kernel.rows->tail;
  return tail != nullptr && s.out_channels - n <= tail->nr ? *tail : kernel;
}

inline int channel_at(const IgemmKernel& kernel, int place) {
  return kernel.rows->order == nullptr ? place : kernel.rows->order[place];
}

}  // namespace octet::kernels
