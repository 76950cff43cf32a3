// Depthwise float convolution, NHWC, any kernel size, stride and dilation: as depthwise_u8s8, on f32.
//
//   const IgemmKernel& kernel = select_depthwise_f32(conv);
//   pack_depthwise_f32(kernel, conv, weights, packed);
//   depthwise_f32(kernel, conv, in, packed, epilogue, scratch, pool);
#pragma once

#include <span>

#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels {

/// Best first, the reference last.
std::span<const IgemmKernel* const> depthwise_f32_table();
const IgemmKernel& select_depthwise_f32(const ConvShape& shape);

std::int64_t packed_bytes_depthwise_f32(const IgemmKernel& kernel, const ConvShape& shape);
/// w [channels][1][kernel_height][kernel_width]; shape.groups = in_channels = out_channels.
void pack_depthwise_f32(const IgemmKernel& kernel, const ConvShape& shape, const float* w, void* packed);
std::int64_t scratch_bytes_depthwise_f32(const IgemmKernel& kernel, const ConvShape& shape);
/// The sum of a pixel and channel runs over the taps in order, on every split.
void depthwise_f32(const IgemmKernel& kernel, const ConvShape& shape, const float* in, const void* packed,
                   const Epilogue& epilogue, void* scratch, ThreadPool& pool);

}  // namespace octet::kernels
