#include <array>

#include "octet/kernels/igemm/lower.h"
#include "octet/kernels/igemm/select.h"
#include "octet/kernels/igemm_f32/igemm_f32.h"
#include "octet/kernels/igemm_f32/kernels.h"

namespace octet::kernels {
namespace {

constexpr std::array kTable = {&igemm_f32_avx512[0], &igemm_f32_avx512[1], &igemm_f32_avx512[2], &igemm_f32_avx2,
                               &igemm_f32_reference};

}  // namespace

std::span<const IgemmKernel* const> igemm_f32_table() { return kTable; }

const IgemmKernel& select_igemm_f32(std::int64_t n) { return select_tile(kTable, n); }

std::int64_t packed_bytes_f32(const IgemmKernel& kernel, const ConvShape& shape) { return packed_bytes(kernel, shape); }
std::int64_t packed_bytes_f32(const IgemmKernel& kernel, const GemmShape& shape) { return packed_bytes(kernel, shape); }

void pack_conv_f32(const IgemmKernel& kernel, const ConvShape& shape, const float* w, void* packed) {
  pack_conv(kernel, shape, w, packed);
}
void pack_gemm_f32(const IgemmKernel& kernel, const GemmShape& shape, const float* w, void* packed) {
  pack_gemm(kernel, shape, w, 0, packed);
}

std::int64_t scratch_bytes_f32(const IgemmKernel& kernel, const ConvShape& shape) {
  return scratch_bytes(kernel, shape);
}
std::int64_t scratch_bytes_f32(const IgemmKernel& kernel, const GemmShape& shape) {
  return scratch_bytes(kernel, shape);
}

PreparedConv prepare_conv_f32(const IgemmKernel& kernel, const ConvShape& shape, int threads) {
  return prepare_conv(kernel, shape, 0, threads);
}
void conv_f32(const IgemmKernel& kernel, const ConvShape& shape, const float* in, const void* packed,
              const Epilogue& epilogue, void* scratch, ThreadPool& pool, const PreparedConv* prepared) {
  run_conv(kernel, shape, in, 0, packed, epilogue, scratch, pool, prepared);
}
void gemm_f32(const IgemmKernel& kernel, const GemmShape& shape, const float* a, const void* packed,
              const Epilogue& epilogue, void* scratch, ThreadPool& pool) {
  run_gemm(kernel, shape, a, 0, packed, epilogue, scratch, pool);
}

std::int64_t matmul_scratch_bytes_f32(const IgemmKernel& kernel, const GemmShape& shape) {
  return matmul_scratch_bytes(kernel, shape);
}
void matmul_f32(const IgemmKernel& kernel, const GemmShape& shape, const float* a, const float* b,
                const Epilogue& epilogue, void* scratch, ThreadPool& pool) {
  run_matmul(kernel, shape, a, 0, b, 0, epilogue, scratch, pool);
}

}  // namespace octet::kernels
