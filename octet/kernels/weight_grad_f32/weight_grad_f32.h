// The gradient of a dense, grouped or depthwise convolution's weights, NHWC f32:
//   dw[oc][c][ky][kx] = sum over b, oy, ox of dy[b][oy][ox][oc] *
//       x[b][oy * stride_h + ky * dilation_h - pad_top][ox * stride_w + kx * dilation_w - pad_left][c]
// in ONNX's order of weights; c counts the channels of oc's group, and x is 0 outside the image.
//
//   conv_weight_grad_f32(shape, x, dy, dw, scratch, pool);
//
// It is a matrix product over pixels: rows are (tap, channel), columns output channels. Images are dealt to a number of
// parts that follows from the shape alone; each part sums its pixels in order, and the parts are added in order, in
// double: any number of threads gives the same bits.
#pragma once

#include <cstdint>
#include <span>

#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels {

std::int64_t weight_grad_scratch_bytes(const ConvShape& shape);
void conv_weight_grad_f32(const ConvShape& shape, const float* x, const float* dy, float* dw, void* scratch,
                          ThreadPool& pool);

/// Pixels of a strip of output rows. Steps in floats.
struct PixelWalk {
  std::int64_t height = 0, width = 0;
  std::int64_t a_row = 0, a_pixel = 0, b_row = 0, b_pixel = 0;
};

/// A row of the table.
struct WeightGradKernel {
  const char* name;
  Isa isa;
  int mr, nr;
  /// acc[r * ld + n] += sum over pixels of a[pixel][r] * b[pixel][n], r < rows <= mr, n < nr.
  void (*core)(const PixelWalk& walk, const float* a, const float* b, int rows, float* acc, std::int64_t ld) noexcept;
  /// acc[c] += sum over pixels of a[pixel][c] * b[pixel][c], c < channels.
  void (*diagonal)(const PixelWalk& walk, const float* a, const float* b, std::int64_t channels, float* acc) noexcept;
};

std::span<const WeightGradKernel* const> weight_grad_table();
/// The best kernel that may be used here for `columns` output channels of a group.
const WeightGradKernel& select_weight_grad(std::int64_t columns);
/// The same by a given kernel.
std::int64_t weight_grad_scratch_bytes(const WeightGradKernel& kernel, const ConvShape& shape);
void conv_weight_grad_f32(const WeightGradKernel& kernel, const ConvShape& shape, const float* x, const float* dy,
                          float* dw, void* scratch, ThreadPool& pool);

}  // namespace octet::kernels
