#include <algorithm>
#include <array>
#include <cstring>

#include "octet/kernels/igemm_f32/igemm_f32.h"
#include "octet/kernels/weight_only/kernels.h"

namespace octet::kernels {
namespace {

constexpr std::array kTable = {&weight_only_avx512, &weight_only_avx2, &weight_only_reference};
constexpr int kColumns = kWeightOnlyColumns, kRows = kWeightOnlyRows;
constexpr std::int64_t kSmallTask = 1 << 16;  // weights that are not worth another thread

std::int64_t panels_of(const GemmShape& s) { return (s.n + kColumns - 1) / kColumns; }

// The sums of a panel, scaled, through the epilogue of the float kernels, which takes `nr` columns a row.
void finish_panel(const IgemmKernel& kernel, const Epilogue& epilogue, const GemmShape& s, std::int64_t n,
                  const float* scale, const float* sums) {
  alignas(64) float acc[kRows * kColumns];
  const int rows = static_cast<int>(s.m);
  for (int first = 0; first < kColumns && n + first < s.n; first += kernel.nr) {
    const int columns = static_cast<int>(std::min<std::int64_t>(kernel.nr, s.n - n - first));
    for (int r = 0; r < rows; ++r) {
      for (int c = 0; c < columns; ++c) acc[r * kernel.nr + c] = sums[r * kColumns + first + c] * scale[n + first + c];
    }
    kernel.finish(epilogue, acc, {0, n + first, rows, columns});
  }
}

}  // namespace

std::span<const WeightOnlyKernel* const> weight_only_table() { return kTable; }

const WeightOnlyKernel& select_weight_only() {
  for (const WeightOnlyKernel* kernel : kTable) {
    if (isa_allowed(kernel->isa)) return *kernel;
  }
  return weight_only_reference;
}

std::int64_t packed_bytes_weight_only(const GemmShape& s) { return panels_of(s) * s.k * kColumns; }

void pack_weight_only(const GemmShape& s, const std::int8_t* w, void* packed) {
  auto* to = static_cast<std::int8_t*>(packed);
  for (std::int64_t n = 0; n < s.n; n += kColumns) {
    const std::int64_t columns = std::min<std::int64_t>(kColumns, s.n - n);
    for (std::int64_t k = 0; k < s.k; ++k, to += kColumns) {
      std::memset(to, 0, kColumns);
      for (std::int64_t c = 0; c < columns; ++c) to[c] = w[k * s.b_k_stride + (n + c) * s.b_n_stride];
    }
  }
}

void weight_only(const GemmShape& shape, const float* x, const void* packed, const float* scale,
                 const Epilogue& epilogue, ThreadPool& pool) {
  weight_only(select_weight_only(), shape, x, packed, scale, epilogue, pool);
}

void weight_only(const WeightOnlyKernel& kernel, const GemmShape& s, const float* x, const void* packed,
                 const float* scale, const Epilogue& epilogue, ThreadPool& pool) {
  const IgemmKernel& finisher = select_igemm_f32(s.n);
  const std::int64_t grain = std::max<std::int64_t>(1, kSmallTask / std::max<std::int64_t>(1, s.k * kColumns));
  const std::int64_t lda = s.lda == 0 ? s.k : s.lda;
  pool.parallel_for(panels_of(s), grain, [&](std::int64_t begin, std::int64_t end) {
    alignas(64) float sums[kRows * kColumns];
    for (std::int64_t p = begin; p < end; ++p) {
      kernel.core(x, lda, static_cast<int>(s.m), s.k, static_cast<const std::int8_t*>(packed) + p * s.k * kColumns,
                  sums);
      finish_panel(finisher, epilogue, s, p * kColumns, scale, sums);
    }
  });
}

}  // namespace octet::kernels
