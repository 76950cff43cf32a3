// Dense int8: convolution and matrix products of u8 activations and s8 weights packed once, with
// exact s32 sums and a fused epilogue. Signed activations are stored with 128 added, zero point too.
//
//   const IgemmKernel& kernel = select_igemm_u8s8(gemm, fit_u8s8(gemm, weights));
//   std::vector<std::byte> packed(packed_bytes_u8s8(kernel, gemm)), scratch(scratch_bytes_u8s8(kernel, gemm));
//   pack_gemm_u8s8(kernel, gemm, weights, packed.data());
//   gemm_u8s8(kernel, gemm, a, a_zero_point, packed.data(), epilogue, scratch.data(), pool);
//
// Sums: s[m][n] = sum over k of (a[m][k] - a_zero_point) * w[k][n]. Sizes are 64-byte aligned blocks
// of memory; nothing but prepare_conv_u8s8 allocates; no result depends on the number of threads. Callers have checked
// all.
#pragma once

#include <cstddef>
#include <span>

#include "octet/kernels/igemm/conv_plan.h"
#include "octet/kernels/igemm/narrow.h"

namespace octet::kernels {

/// Products per sum up to which s32 sums are exact: 65,793 * 255 * 128 < 2^31.
inline constexpr std::int64_t kExactProducts = 65793;

/// Best first, the reference last.
std::span<const IgemmKernel* const> igemm_u8s8_table();
/// The best kernel that may be used here for N columns (of one group) and sums of `products` terms.
/// With more than kExactProducts terms: a slow one whose sums have 64 bits.
const IgemmKernel& select_igemm_u8s8(std::int64_t n, std::int64_t products);
/// Where the weights are known and will be packed once, a narrow kernel too, where it pays: `fit` says what it makes of
/// them. That takes a pass over the weights (none where no narrow kernel would be chosen): keep it with them.
NarrowFit fit_u8s8(const ConvShape& shape, const std::int8_t* w);
NarrowFit fit_u8s8(const GemmShape& shape, const std::int8_t* w);
const IgemmKernel& select_igemm_u8s8(const ConvShape& shape, const NarrowFit& fit);
const IgemmKernel& select_igemm_u8s8(const GemmShape& shape, const NarrowFit& fit);
/// Whether a kernel of the table serves these weights; all but the narrow ones serve any.
bool serves_u8s8(const IgemmKernel& kernel, const ConvShape& shape, const std::int8_t* w);
bool serves_u8s8(const IgemmKernel& kernel, const GemmShape& shape, const void* w, int flip = 0);

std::int64_t packed_bytes_u8s8(const IgemmKernel& kernel, const ConvShape& shape);
/// Of one matrix B; a batch of them lies at multiples of this.
std::int64_t packed_bytes_u8s8(const IgemmKernel& kernel, const GemmShape& shape);

/// w [out_channels][in_channels / groups][kernel_height][kernel_width], as ONNX has it.
void pack_conv_u8s8(const IgemmKernel& kernel, const ConvShape& shape, const std::int8_t* w, void* packed);
/// w at the strides of `shape` (one matrix). With flip = 0x80, u8 weights: their zero points less 128
/// then go into epilogue.weight_zero_point.
void pack_gemm_u8s8(const IgemmKernel& kernel, const GemmShape& shape, const void* w, void* packed, int flip = 0);

std::int64_t scratch_bytes_u8s8(const IgemmKernel& kernel, const ConvShape& shape);
std::int64_t scratch_bytes_u8s8(const IgemmKernel& kernel, const GemmShape& shape);

/// What depends on the shape alone, for many runs with as many threads; of zero points, on whether they are 0.
PreparedConv prepare_conv_u8s8(const IgemmKernel& kernel, const ConvShape& shape, int in_zero_point, int threads);
/// in [batch][in_height][in_width][in_stride]; the epilogue's M is batch * out_height * out_width,
/// its N out_channels. `prepared` may be null, or of another thread count or zero point.
void conv_u8s8(const IgemmKernel& kernel, const ConvShape& shape, const std::uint8_t* in, int in_zero_point,
               const void* packed, const Epilogue& epilogue, void* scratch, ThreadPool& pool,
               const PreparedConv* prepared = nullptr);
/// packed: one matrix (b_stride 0), or one after another in the order of outer and inner.
void gemm_u8s8(const IgemmKernel& kernel, const GemmShape& shape, const std::uint8_t* a, int a_zero_point,
               const void* packed, const Epilogue& epilogue, void* scratch, ThreadPool& pool);

/// The same with B packed in the run, for products of two activations: not by narrow kernels.
std::int64_t matmul_scratch_bytes_u8s8(const IgemmKernel& kernel, const GemmShape& shape);
void matmul_u8s8(const IgemmKernel& kernel, const GemmShape& shape, const std::uint8_t* a, int a_zero_point,
                 const void* b, int flip, const Epilogue& epilogue, void* scratch, ThreadPool& pool);

}  // namespace octet::kernels
