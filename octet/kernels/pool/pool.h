// Max and average pooling, NHWC, u8 and f32; a global average is a window as large as the image.
//
//   max_pool_u8({.batch = 1, .in_height = 112, ..., .kernel_height = 3, ...}, x, y, pool);
#pragma once

#include <cstdint>
#include <span>

#include "octet/base/cpu.h"
#include "octet/base/threads.h"

namespace octet::kernels {

/// out[b][oy][ox][c] over the window of in[b][oy * stride_h + ky * dilation_h - pad_top][...][c] that lies
/// inside the image. Signed bytes are stored with 128 added, as everywhere in the kernels.
struct PoolShape {
  std::int64_t batch = 1, in_height = 1, in_width = 1, out_height = 1, out_width = 1, channels = 1;
  std::int64_t kernel_height = 1, kernel_width = 1, stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1;
  std::int64_t pad_top = 0, pad_left = 0;
  /// Averages divide by the places of the window inside the image; with count_padding by those inside
  /// the image and its padding, which ends pad_bottom and pad_right beyond it.
  bool count_padding = false;
  std::int64_t pad_bottom = 0, pad_right = 0;
  std::int64_t in_stride = 0, out_stride = 0;  ///< elements from pixel to pixel; 0: channels
};

/// max over the window; of an empty window 0 and -infinity. NaN is passed over.
void max_pool_u8(const PoolShape& shape, const std::uint8_t* in, std::uint8_t* out, ThreadPool& pool);
void max_pool_f32(const PoolShape& shape, const float* in, float* out, ThreadPool& pool);

/// out = clamp(rint(float(sum of (in - in_zero_point)) * (multiplier / float(places))) + out_zero_point, 0, 255), with
/// multiplier = float(in_scale / out_scale), each step rounded to float; an empty window gives the zero point.
struct AverageU8 {
  std::int32_t in_zero_point = 0, out_zero_point = 0;
  float multiplier = 1;
};
void average_pool_u8(const PoolShape& shape, const AverageU8& params, const std::uint8_t* in, std::uint8_t* out,
                     ThreadPool& pool);
/// out = sum / places; an empty window gives 0. The sum runs row by row.
void average_pool_f32(const PoolShape& shape, const float* in, float* out, ThreadPool& pool);

/// A row of the table: one output row (b, oy) of a pooling.
struct PoolKernel {
  const char* name;
  Isa isa;
  void (*max_u8)(const PoolShape& shape, const std::uint8_t* in, std::uint8_t* out, std::int64_t row) noexcept;
  void (*max_f32)(const PoolShape& shape, const float* in, float* out, std::int64_t row) noexcept;
  void (*average_u8)(const PoolShape& shape, const AverageU8& params, const std::uint8_t* in, std::uint8_t* out,
                     std::int64_t row) noexcept;
  void (*average_f32)(const PoolShape& shape, const float* in, float* out, std::int64_t row) noexcept;
  /// Adds the row's slopes to dx (gradient.h); the strides are channels.
  void (*max_grad_f32)(const PoolShape& shape, const float* x, const float* dy, float* dx, std::int64_t row) noexcept;
};

std::span<const PoolKernel* const> pool_table();
const PoolKernel& select_pool();

}  // namespace octet::kernels
