// The windows of a pool, for loops that are compiled once for each instruction set: in an anonymous namespace.
#pragma once

#include "octet/kernels/pool/pool.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kChannelBlock = 64;

// The part of a window along one axis that lies inside the image: taps [first, last), and how many
// places count towards an average.
struct Reach {
  std::int64_t first = 0, last = 0, places = 0;
};

Reach reach(std::int64_t start, std::int64_t taps, std::int64_t dilation, std::int64_t size, std::int64_t padded_end,
            bool count_padding) {
  if (start >= 0 && start + (taps - 1) * dilation < size) return {0, taps, taps};
  Reach r;
  for (std::int64_t t = 0; t < taps; ++t) {
    const std::int64_t at = start + t * dilation;
    if (at < 0) r.first = t + 1;
    if (at < size) r.last = t + 1;
    if (count_padding ? at < padded_end : at >= 0 && at < size) ++r.places;
  }
  if (r.last < r.first) r.last = r.first;
  return r;
}

// What the windows of an output row have in common.
struct WindowRow {
  std::int64_t start, image;
  Reach y;

  WindowRow(const PoolShape& s, std::int64_t row)
      : start(row % s.out_height * s.stride_h - s.pad_top),
        image(row / s.out_height),
        y(reach(start, s.kernel_height, s.dilation_h, s.in_height, s.in_height + s.pad_bottom, s.count_padding)) {}
};

// One output pixel's window, and a walk over the pixels in it.
struct Window {
  Reach y, x;
  std::int64_t start_y, start_x, image;

  Window(const PoolShape& s, const WindowRow& row, std::int64_t ox)
      : y(row.y),
        x(reach(ox * s.stride_w - s.pad_left, s.kernel_width, s.dilation_w, s.in_width, s.in_width + s.pad_right,
                s.count_padding)),
        start_y(row.start),
        start_x(ox * s.stride_w - s.pad_left),
        image(row.image) {}
  template <class Visit>
  void each_pixel(const PoolShape& s, const Visit& visit) const {
    for (std::int64_t ky = y.first; ky < y.last; ++ky) {
      const std::int64_t line = (image * s.in_height + start_y + ky * s.dilation_h) * s.in_width;
      for (std::int64_t kx = x.first; kx < x.last; ++kx) visit(line + start_x + kx * s.dilation_w);
    }
  }
};

// Where the pixels of a window that lies inside the image are, in elements from its first one.
struct Taps {
  static constexpr std::int64_t kMost = 64;
  std::int64_t count, at[kMost];

  Taps(const PoolShape& s, std::int64_t stride) : count(s.kernel_height * s.kernel_width) {
    if (count > kMost) count = 0;
    for (std::int64_t t = 0; t < count; ++t) {
      at[t] = (t / s.kernel_width * s.dilation_h * s.in_width + t % s.kernel_width * s.dilation_w) * stride;
    }
  }
};

}  // namespace
}  // namespace octet::kernels
