// Depthwise convolution by the indirect GEMM driver: a tile is mr pixels by nr channels, and a panel
// holds the weights of nr channels, tap by tap. In float [taps][nr]; in int8 (s16, the weights' zero
// point taken off) two taps are interleaved, [pairs][nr][2], and of the nr channels first come the even
// groups of four, then the odd ones: the order in which unpack instructions interleave activations.
#pragma once

#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels {

/// shape.groups = in_channels = out_channels.
std::int64_t depthwise_packed_bytes(const IgemmKernel& kernel, const ConvShape& shape);
std::int64_t depthwise_scratch_bytes(const IgemmKernel& kernel, const ConvShape& shape);
void run_depthwise(const IgemmKernel& kernel, const ConvShape& shape, const void* in, int zero_point,
                   const void* packed, const Epilogue& epilogue, void* scratch, ThreadPool& pool);

/// Where the weight of a tap and channel lies in packed weights, in elements.
std::int64_t depthwise_weight_index(const IgemmKernel& kernel, const ConvShape& shape, std::int64_t tap,
                                    std::int64_t channel);

}  // namespace octet::kernels
