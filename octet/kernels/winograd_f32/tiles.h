// The tiles of an image, for the drivers of this family.
#pragma once

#include <cstdint>

#include "octet/kernels/winograd_f32/winograd_f32.h"

namespace octet::kernels {

struct WinogradTile {
  std::int64_t image, y, x;
};

/// Transforms the patch of x that a tile of outputs reads, 0 outside the image (`zeros` has in_channels of them).
inline void read_patch(const WinogradKernel& kernel, const ConvShape& s, const WinogradTile& t, const float* in,
                       const float* zeros, std::int64_t step, float* v) {
  const std::int64_t pixel = s.in_stride == 0 ? s.in_channels : s.in_stride;
  const float* pixels[16];
  for (std::int64_t i = 0; i < 16; ++i) {
    const std::int64_t y = 2 * t.y + i / 4 - s.pad_top, x = 2 * t.x + i % 4 - s.pad_left;
    const bool inside = y >= 0 && y < s.in_height && x >= 0 && x < s.in_width;
    pixels[i] = inside ? in + ((t.image * s.in_height + y) * s.in_width + x) * pixel : zeros;
  }
  kernel.input(pixels, s.in_channels, step, v);
}

}  // namespace octet::kernels
