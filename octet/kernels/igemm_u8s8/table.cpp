#include <array>

#include "octet/kernels/igemm/lower.h"
#include "octet/kernels/igemm/select.h"
#include "octet/kernels/igemm_u8s8/igemm_u8s8.h"
#include "octet/kernels/igemm_u8s8/kernels.h"

namespace octet::kernels {
namespace {

// The narrow kernel follows a wide one of its width: for weights not known it is never chosen.
constexpr std::array kTable = {&igemm_u8s8_avx512_vnni[0], &igemm_u8s8_avx512_vnni[1], &igemm_u8s8_avx512_vnni[2],
                               &igemm_u8s8_avx512_vnni[3], &igemm_u8s8_avx512[0],      &igemm_u8s8_avx512[1],
                               &igemm_u8s8_avx512[2],      &igemm_u8s8_avx512[3],      &igemm_u8s8_avx_vnni,
                               &igemm_u8s8_avx2,           &igemm_u8s8_avx2_narrow,    &igemm_u8s8_reference};

constexpr std::int64_t kManyColumns = 192;  // from here on wide tiles pay: each panel reads all of A again
constexpr std::int64_t kManyFilters = 64;   // and those of few rows where pixels make many small tiles

// Of a group.
std::int64_t columns(const ConvShape& s) { return s.out_channels / s.groups; }
std::int64_t columns(const GemmShape& s) { return s.n; }
std::int64_t products(const ConvShape& s) { return s.in_channels / s.groups * s.kernel_height * s.kernel_width; }
std::int64_t products(const GemmShape& s) { return s.k; }
std::int64_t rows(const ConvShape& s) { return s.batch * s.out_height * s.out_width; }
std::int64_t rows(const GemmShape& s) { return s.m; }
std::int64_t many(const ConvShape&) { return kManyFilters; }
std::int64_t many(const GemmShape&) { return kManyColumns; }

template <class Shape>
const IgemmKernel& select_for_any(const Shape& s) {
  return products(s) > kExactProducts ? igemm_u8s8_reference_wide : select_tile(kTable, columns(s), many(s));
}
// The wide kernel of its instruction set gives way to the narrow one.
template <class Shape>
const IgemmKernel& select_for(const Shape& s, const NarrowFit& fit) {
  const IgemmKernel& kernel = select_for_any(s);
  return &kernel == &igemm_u8s8_avx2 && narrow_pays(fit, rows(s)) ? igemm_u8s8_avx2_narrow : kernel;
}

}  // namespace

std::span<const IgemmKernel* const> igemm_u8s8_table() { return kTable; }

const IgemmKernel& select_igemm_u8s8(std::int64_t n, std::int64_t products) {
  if (products > kExactProducts) return igemm_u8s8_reference_wide;
  return select_tile(kTable, n, kManyColumns);
}

NarrowFit fit_u8s8(const ConvShape& s, const std::int8_t* w) {
  return &select_for_any(s) == &igemm_u8s8_avx2 ? fit_narrow(igemm_u8s8_avx2_narrow, s, w) : NarrowFit{};
}
NarrowFit fit_u8s8(const GemmShape& s, const std::int8_t* w) {
  return &select_for_any(s) == &igemm_u8s8_avx2 ? fit_narrow(igemm_u8s8_avx2_narrow, s, w, 0) : NarrowFit{};
}

const IgemmKernel& select_igemm_u8s8(const ConvShape& s, const NarrowFit& fit) { return select_for(s, fit); }
const IgemmKernel& select_igemm_u8s8(const GemmShape& s, const NarrowFit& fit) { return select_for(s, fit); }

bool serves_u8s8(const IgemmKernel& kernel, const ConvShape& shape, const std::int8_t* w) {
  return kernel.narrow == nullptr || fit_narrow(kernel, shape, w).fits;
}
bool serves_u8s8(const IgemmKernel& kernel, const GemmShape& shape, const void* w, int flip) {
  return kernel.narrow == nullptr || fit_narrow(kernel, shape, w, flip).fits;
}

std::int64_t packed_bytes_u8s8(const IgemmKernel& kernel, const ConvShape& shape) {
  return packed_bytes(kernel, shape);
}
std::int64_t packed_bytes_u8s8(const IgemmKernel& kernel, const GemmShape& shape) {
  return packed_bytes(kernel, shape);
}

void pack_conv_u8s8(const IgemmKernel& kernel, const ConvShape& shape, const std::int8_t* w, void* packed) {
  pack_conv(kernel, shape, w, packed);
}
void pack_gemm_u8s8(const IgemmKernel& kernel, const GemmShape& shape, const void* w, void* packed, int flip) {
  pack_gemm(kernel, shape, w, flip, packed);
}

std::int64_t scratch_bytes_u8s8(const IgemmKernel& kernel, const ConvShape& shape) {
  return scratch_bytes(kernel, shape);
}
std::int64_t scratch_bytes_u8s8(const IgemmKernel& kernel, const GemmShape& shape) {
  return scratch_bytes(kernel, shape);
}

PreparedConv prepare_conv_u8s8(const IgemmKernel& kernel, const ConvShape& shape, int in_zero_point, int threads) {
  return prepare_conv(kernel, shape, in_zero_point, threads);
}
void conv_u8s8(const IgemmKernel& kernel, const ConvShape& shape, const std::uint8_t* in, int in_zero_point,
               const void* packed, const Epilogue& epilogue, void* scratch, ThreadPool& pool,
               const PreparedConv* prepared) {
  run_conv(kernel, shape, in, in_zero_point, packed, epilogue, scratch, pool, prepared);
}
void gemm_u8s8(const IgemmKernel& kernel, const GemmShape& shape, const std::uint8_t* a, int a_zero_point,
               const void* packed, const Epilogue& epilogue, void* scratch, ThreadPool& pool) {
  run_gemm(kernel, shape, a, a_zero_point, packed, epilogue, scratch, pool);
}

std::int64_t matmul_scratch_bytes_u8s8(const IgemmKernel& kernel, const GemmShape& shape) {
  return matmul_scratch_bytes(kernel, shape);
}
void matmul_u8s8(const IgemmKernel& kernel, const GemmShape& shape, const std::uint8_t* a, int a_zero_point,
                 const void* b, int flip, const Epilogue& epilogue, void* scratch, ThreadPool& pool) {
  run_matmul(kernel, shape, a, a_zero_point, b, flip, epilogue, scratch, pool);
}

}  // namespace octet::kernels
