#include <array>

#include "octet/kernels/igemm/lower.h"
#include "octet/kernels/igemm/select.h"
#include "octet/kernels/igemm_u8s8/igemm_u8s8.h"
#include "octet/kernels/igemm_u8s8/kernels.h"

namespace octet::kernels {
namespace {

constexpr std::array kTable = {&igemm_u8s8_avx512_vnni[0], &igemm_u8s8_avx512_vnni[1], &igemm_u8s8_avx512_vnni[2],
                               &igemm_u8s8_avx512_vnni[3], &igemm_u8s8_avx512[0],      &igemm_u8s8_avx512[1],
                               &igemm_u8s8_avx512[2],      &igemm_u8s8_avx512[3],      &igemm_u8s8_avx_vnni,
                               &igemm_u8s8_avx2,           &igemm_u8s8_avx2_narrow,    &igemm_u8s8_reference};

// Whether the narrow kernel takes the place of the one chosen for any weights; `fit` is what it makes of these.
template <class Fit>
const IgemmKernel& or_narrow(const IgemmKernel& kernel, std::int64_t m, const Fit& fit) {
  const IgemmKernel& narrow = igemm_u8s8_avx2_narrow;
  return &kernel == &igemm_u8s8_avx2 && narrow_pays(fit(narrow), m) ? narrow : kernel;
}

}  // namespace

std::span<const IgemmKernel* const> igemm_u8s8_table() { return kTable; }

const IgemmKernel& select_igemm_u8s8(std::int64_t n, std::int64_t products) {
  if (products > kExactProducts) return igemm_u8s8_reference_wide;
  return select_tile(kTable, n);
}

const IgemmKernel& select_igemm_u8s8(const ConvShape& s, const std::int8_t* w) {
  const std::int64_t products = s.in_channels / s.groups * s.kernel_height * s.kernel_width;
  return or_narrow(select_igemm_u8s8(s.out_channels / s.groups, products), s.batch * s.out_height * s.out_width,
                   [&](const IgemmKernel& kernel) { return fit_narrow(kernel, s, w); });
}
const IgemmKernel& select_igemm_u8s8(const GemmShape& s, const std::int8_t* w) {
  return or_narrow(select_igemm_u8s8(s.n, s.k), s.m,
                   [&](const IgemmKernel& kernel) { return fit_narrow(kernel, s, w, 0); });
}

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

void conv_u8s8(const IgemmKernel& kernel, const ConvShape& shape, const std::uint8_t* in, int in_zero_point,
               const void* packed, const Epilogue& epilogue, void* scratch, ThreadPool& pool) {
  run_conv(kernel, shape, in, in_zero_point, packed, epilogue, scratch, pool);
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
