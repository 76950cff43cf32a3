// Copies activations into the form that a core reads: padded, or widened to s16.
#pragma once

#include <cstdint>

#include "octet/base/threads.h"

namespace octet::kernels {

/// out[b][y][x][c] = convert(in[b][y * step_h - pad_top][x * step_w - pad_left][c]), dense; outside of
/// `in` the zero point. a_bytes 1: u8 as it is; 2: s16, zero point taken off; 4: f32 as it is.
/// With three_rows, of u8 whose pixels are dense and step_w 1, each row of out has three of `in`, side by side:
///   out[b][y][x][c * 3 + r] = in[b][y * step_h - pad_top + r][x - pad_left][c]; `channels` counts those of out.
struct ImageCopy {
  std::int64_t batch = 1, channels = 1;
  std::int64_t in_height = 1, in_width = 1, in_stride = 1;  ///< elements from pixel to pixel
  std::int64_t in_row = 0, in_image = 0;                    ///< elements from row to row, image to image
  std::int64_t height = 1, width = 1;                       ///< of out
  std::int64_t step_h = 1, step_w = 1, pad_top = 0, pad_left = 0;
  int a_bytes = 1, zero_point = 0;
  bool three_rows = false;
};

constexpr std::int64_t kImageSlack = 128;  ///< bytes behind an image that a core may read

std::int64_t image_bytes(const ImageCopy& copy);  ///< with the slack
void copy_image(const ImageCopy& copy, const void* in, void* out, ThreadPool& pool);

}  // namespace octet::kernels
