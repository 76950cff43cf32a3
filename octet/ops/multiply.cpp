#include "octet/ops/multiply.h"

namespace octet::ops {
namespace {

// kRows x kPanel sums held in registers.
template <class T, int kRows>
void multiply_rows(const T* a, const T* panel, std::int64_t k, T* c, std::int64_t ldc, std::int64_t width) {
  T sum[kRows][kPanel] = {};
  for (std::int64_t i = 0; i < k; ++i) {
    for (int r = 0; r < kRows; ++r) {
      const T x = a[r * k + i];
      for (std::int64_t j = 0; j < kPanel; ++j) sum[r][j] += x * panel[i * kPanel + j];
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (std::int64_t j = 0; j < width; ++j) c[r * ldc + j] = sum[r][j];
  }
}

}  // namespace

template <class T>
void multiply_panel(const T* a, const T* panel, std::int64_t m, std::int64_t k, T* c, std::int64_t ldc,
                    std::int64_t width) {
  constexpr int kRows = 4;
  std::int64_t i = 0;
  for (; i + kRows <= m; i += kRows) multiply_rows<T, kRows>(a + i * k, panel, k, c + i * ldc, ldc, width);
  for (; i < m; ++i) multiply_rows<T, 1>(a + i * k, panel, k, c + i * ldc, ldc, width);
}

template void multiply_panel(const float*, const float*, std::int64_t, std::int64_t, float*, std::int64_t,
                             std::int64_t);
template void multiply_panel(const double*, const double*, std::int64_t, std::int64_t, double*, std::int64_t,
                             std::int64_t);
template void multiply_panel(const std::uint32_t*, const std::uint32_t*, std::int64_t, std::int64_t, std::uint32_t*,
                             std::int64_t, std::int64_t);
template void multiply_panel(const std::uint64_t*, const std::uint64_t*, std::int64_t, std::int64_t, std::uint64_t*,
                             std::int64_t, std::int64_t);

}  // namespace octet::ops
