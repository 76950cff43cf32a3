// Dense float: the same driver, shapes and epilogue as igemm_u8s8, on f32.
//
//   const IgemmKernel& kernel = select_igemm_f32(n);
//   pack_conv_f32(kernel, conv, weights, packed);
//   conv_f32(kernel, conv, in, packed, epilogue, scratch, pool);
//
// Each output is one chain of sums over taps and k in order, whatever the tile and the number of
// threads; instruction sets differ by fused multiply-add.
#pragma once

#include <span>

#include "octet/kernels/igemm/conv_plan.h"

namespace octet::kernels {

/// Best first, the reference last.
std::span<const IgemmKernel* const> igemm_f32_table();
/// The best kernel that may be used here for N columns (of one group).
const IgemmKernel& select_igemm_f32(std::int64_t n);

std::int64_t packed_bytes_f32(const IgemmKernel& kernel, const ConvShape& shape);
/// Of one matrix B; a batch of them lies at multiples of this.
std::int64_t packed_bytes_f32(const IgemmKernel& kernel, const GemmShape& shape);

/// w [out_channels][in_channels / groups][kernel_height][kernel_width], as ONNX has it.
void pack_conv_f32(const IgemmKernel& kernel, const ConvShape& shape, const float* w, void* packed);
/// w at the strides of `shape` (one matrix).
void pack_gemm_f32(const IgemmKernel& kernel, const GemmShape& shape, const float* w, void* packed);

std::int64_t scratch_bytes_f32(const IgemmKernel& kernel, const ConvShape& shape);
std::int64_t scratch_bytes_f32(const IgemmKernel& kernel, const GemmShape& shape);

/// As those of igemm_u8s8.
PreparedConv prepare_conv_f32(const IgemmKernel& kernel, const ConvShape& shape, int threads);
void conv_f32(const IgemmKernel& kernel, const ConvShape& shape, const float* in, const void* packed,
              const Epilogue& epilogue, void* scratch, ThreadPool& pool, const PreparedConv* prepared = nullptr);
/// packed: one matrix (b_stride 0), or one after another in the order of outer and inner.
void gemm_f32(const IgemmKernel& kernel, const GemmShape& shape, const float* a, const void* packed,
              const Epilogue& epilogue, void* scratch, ThreadPool& pool);

/// The same with B packed in the run, for products of two activations.
std::int64_t matmul_scratch_bytes_f32(const IgemmKernel& kernel, const GemmShape& shape);
void matmul_f32(const IgemmKernel& kernel, const GemmShape& shape, const float* a, const float* b,
                const Epilogue& epilogue, void* scratch, ThreadPool& pool);

}  // namespace octet::kernels
