// Convolutions and matrix products as indirect GEMM problems, for either element type. Where a
// kernel cannot read the activations in place (padding, widening to s16, a ragged k), they are
// first copied into scratch memory, with their padding, all threads taking part.
#pragma once

#include "octet/kernels/igemm/conv_plan.h"
#include "octet/kernels/igemm/narrow.h"

namespace octet::kernels {

std::int64_t packed_bytes(const IgemmKernel& kernel, const ConvShape& shape);
std::int64_t packed_bytes(const IgemmKernel& kernel, const GemmShape& shape);
void pack_conv(const IgemmKernel& kernel, const ConvShape& shape, const void* w, void* packed);
void pack_gemm(const IgemmKernel& kernel, const GemmShape& shape, const void* w, int flip, void* packed);

/// Of a narrow kernel.
NarrowFit fit_narrow(const IgemmKernel& kernel, const ConvShape& shape, const void* w);
NarrowFit fit_narrow(const IgemmKernel& kernel, const GemmShape& shape, const void* w, int flip);

std::int64_t scratch_bytes(const IgemmKernel& kernel, const ConvShape& shape);
std::int64_t scratch_bytes(const IgemmKernel& kernel, const GemmShape& shape);
/// For run_matmul: the above and the packed matrices B.
std::int64_t matmul_scratch_bytes(const IgemmKernel& kernel, const GemmShape& shape);

/// For run_conv with as many threads and, of u8, this zero point or another that is 0 or not as it is.
PreparedConv prepare_conv(const IgemmKernel& kernel, const ConvShape& shape, int zero_point, int threads);

/// Activations are u8 with their zero point, or f32 with 0. Without `prepared`, or where that is
/// another's, it finds out as it goes.
void run_conv(const IgemmKernel& kernel, const ConvShape& shape, const void* in, int zero_point, const void* packed,
              const Epilogue& epilogue, void* scratch, ThreadPool& pool, const PreparedConv* prepared);
void run_gemm(const IgemmKernel& kernel, const GemmShape& shape, const void* a, int zero_point, const void* packed,
              const Epilogue& epilogue, void* scratch, ThreadPool& pool);
void run_matmul(const IgemmKernel& kernel, const GemmShape& shape, const void* a, int zero_point, const void* b,
                int flip, const Epilogue& epilogue, void* scratch, ThreadPool& pool);

}  // namespace octet::kernels
