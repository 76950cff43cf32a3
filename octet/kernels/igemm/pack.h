// Weights into panels: [N/nr][taps][K/kr][nr][kr], zero-filled; a panel of s8 weights ends with its
// s32 column sums [nr], by which the driver takes the activations' zero point out of the sums; after them come
// what corrections a narrow kernel has (narrow.h).
#pragma once

#include <cstddef>

#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels {

/// Where a weight comes from: element tap / taps_x * tap_y_stride + tap % taps_x * tap_x_stride
///   + k / k_inner * k_outer_stride + k % k_inner * k_inner_stride + n * n_stride.
struct WeightSource {
  const void* w = nullptr;
  std::int64_t n = 0, k = 0, taps = 1, taps_x = 1;
  std::int64_t tap_y_stride = 0, tap_x_stride = 0;
  std::int64_t k_inner = 1, k_inner_stride = 0, k_outer_stride = 0, n_stride = 0;
  int flip = 0;  ///< s8: exclusive-or with each byte, 0x80 for u8 weights
};

/// Bytes of a panel's first `taps` taps: before its column sums, of all of them.
inline std::int64_t column_sums_offset(const IgemmKernel& kernel, std::int64_t taps, std::int64_t k) {
  const std::int64_t weight_bytes = kernel.a_bytes == 4 ? 4 : 1;
  return taps * ((k + kernel.kr - 1) / kernel.kr) * kernel.nr * kernel.kr * weight_bytes;
}

/// Bytes of a panel before a narrow kernel's corrections.
inline std::int64_t corrections_offset(const IgemmKernel& kernel, std::int64_t taps, std::int64_t k) {
  return column_sums_offset(kernel, taps, k) + (kernel.a_bytes == 4 ? 0 : 4 * kernel.nr);
}

std::int64_t packed_panel_bytes(const IgemmKernel& kernel, std::int64_t taps, std::int64_t k);

inline std::int64_t packed_bytes(const IgemmKernel& kernel, std::int64_t n, std::int64_t taps, std::int64_t k) {
  return (n + kernel.nr - 1) / kernel.nr * packed_panel_bytes(kernel, taps, k);
}

/// The s8 weights alone of panel `index`: column_sums_offset bytes.
void pack_weights(const IgemmKernel& kernel, const WeightSource& source, std::int64_t index, std::int8_t* panel);
/// Panels [first, last) of one matrix into `packed`, the matrix's beginning.
void pack_panels(const IgemmKernel& kernel, const WeightSource& source, void* packed, std::int64_t first,
                 std::int64_t last);

}  // namespace octet::kernels
