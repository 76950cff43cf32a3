// Depthwise int8 convolution, NHWC, any kernel size, stride and dilation; u8 activations, s8 weights.
//
//   const IgemmKernel& kernel = select_depthwise_u8s8(conv);
//   pack_depthwise_u8s8(kernel, conv, weights, nullptr, packed);
//   depthwise_u8s8(kernel, conv, in, in_zero_point, packed, epilogue, scratch, pool);
//
// s[pixel][c] = sum over taps of (in[place(pixel, tap)][c] - zero_point) * (w[c][tap] - w_zero_point[c]),
// exact in s32 up to 33,025 taps; then the epilogue, as in igemm_u8s8. shape.groups = in_channels = out_channels.
#pragma once

#include <span>

#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels {

/// Best first, the reference last.
std::span<const IgemmKernel* const> depthwise_u8s8_table();
const IgemmKernel& select_depthwise_u8s8(const ConvShape& shape);

std::int64_t packed_bytes_depthwise_u8s8(const IgemmKernel& kernel, const ConvShape& shape);
/// w [channels][1][kernel_height][kernel_width]; w_zero_point [channels], or null for zeros. With
/// flip = 0x80, u8 weights, with their zero points less 128. Kernels that work by rows take no zero points.
void pack_depthwise_u8s8(const IgemmKernel& kernel, const ConvShape& shape, const void* w,
                         const std::int32_t* w_zero_point, void* packed, int flip = 0);
std::int64_t scratch_bytes_depthwise_u8s8(const IgemmKernel& kernel, const ConvShape& shape);
/// epilogue.weight_zero_point is not looked at: it is in the packed weights.
void depthwise_u8s8(const IgemmKernel& kernel, const ConvShape& shape, const std::uint8_t* in, int in_zero_point,
                    const void* packed, const Epilogue& epilogue, void* scratch, ThreadPool& pool);

}  // namespace octet::kernels
