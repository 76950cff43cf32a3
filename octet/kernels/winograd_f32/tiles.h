// The tiles of an image, for the drivers of this family.
#pragma once

#include <cstdint>

#include "octet/kernels/winograd_f32/winograd_f32.h"

namespace octet::kernels {

constexpr std::int64_t kWinogradEdge = 6;     ///< of a patch of inputs
constexpr std::int64_t kWinogradOutputs = 4;  ///< edge of the outputs that it gives
constexpr std::int64_t kWinogradPoints = kWinogradEdge * kWinogradEdge;

struct WinogradTile {
  std::int64_t image, y, x;
};

/// Transforms the patch of x that a tile of outputs reads, 0 outside the image (`zeros` has in_channels of them).
inline void read_patch(const WinogradKernel& kernel, const ConvShape& s, const WinogradTile& t, const float* in,
                       const float* zeros, std::int64_t step, float* v) {
  const std::int64_t pixel = s.in_stride == 0 ? s.in_channels : s.in_stride;
  const std::int64_t top = kWinogradOutputs * t.y - s.pad_top, left = kWinogradOutputs * t.x - s.pad_left;
  const float* pixels[kWinogradPoints];
  for (std::int64_t i = 0; i < kWinogradEdge; ++i) {
    const bool row_inside = top + i >= 0 && top + i < s.in_height;
    const float* row = in + ((t.image * s.in_height + top + i) * s.in_width + left) * pixel;
    for (std::int64_t j = 0; j < kWinogradEdge; ++j) {
      const bool inside = row_inside && left + j >= 0 && left + j < s.in_width;
      pixels[i * kWinogradEdge + j] = inside ? row + j * pixel : zeros;
    }
  }
  kernel.input(pixels, s.in_channels, step, v);
}

}  // namespace octet::kernels
