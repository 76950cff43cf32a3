#include <algorithm>
#include <array>
#include <cstring>

#include "octet/kernels/igemm_f32/igemm_f32.h"
#include "octet/kernels/weight_only/kernels.h"

namespace octet::kernels {
namespace {

constexpr std::array kTable = {&weight_only_avx512_vnni, &weight_only_avx512, &weight_only_avx_vnni, &weight_only_avx2,
                               &weight_only_reference};
constexpr int kPanel = kWeightOnlyColumns, kColumns = 2 * kPanel, kRows = 12;  // finished together
constexpr int kMostColumns = 64;                                               // of a tile of the float kernels
constexpr std::int64_t kTaskRows = 8 * kRows;
constexpr std::int64_t kSmallTask = 1 << 16;  // products that are not worth another thread

std::int64_t filled(std::int64_t k) { return (k + 7) / 8 * 8; }
std::int64_t groups_of(std::int64_t k) { return (k + kWeightOnlyGroup - 1) / kWeightOnlyGroup; }
std::int64_t panels_of(const GemmShape& s) { return (s.n + kPanel - 1) / kPanel; }

// Rows as integers, in scratch memory.
WeightOnlyRows split_rows(const WeightOnlyKernel& kernel, const GemmShape& s, const float* x, void* scratch,
                          ThreadPool& pool) {
  const std::int64_t lda = s.lda == 0 ? s.k : s.lda, groups = groups_of(s.k), bytes = 2 * filled(s.k);
  char* digits = static_cast<char*>(scratch);
  auto* scale = reinterpret_cast<float*>(digits + s.m * bytes);
  auto* sum = reinterpret_cast<std::int32_t*>(scale + s.m * groups);
  const std::int64_t grain = std::max<std::int64_t>(1, kSmallTask / std::max<std::int64_t>(1, s.k));
  pool.parallel_for(s.m, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r)
      kernel.split(x + r * lda, s.k, digits + r * bytes, scale + r * groups, sum + r * groups);
  });
  return {digits, bytes, scale, sum, groups, filled(s.k)};
}

WeightOnlyRows rows_from(WeightOnlyRows rows, std::int64_t m) {
  rows.digits += m * rows.row_bytes;
  rows.scale += m * rows.groups;
  rows.sum += m * rows.groups;
  return rows;
}

// `count` neighbouring columns of some rows, scaled.
void scale_columns(const float* __restrict sums, const float* __restrict scale, int rows, int count, int nr,
                   float* __restrict acc) {
  for (int r = 0; r < rows; ++r) {
    for (int c = 0; c < count; ++c) acc[r * nr + c] = sums[r * kPanel + c] * scale[c];
  }
}

// The sums of two panels through the epilogue of the float kernels, which takes `nr` columns a row.
void finish_rows(const IgemmKernel& kernel, const Epilogue& epilogue, const float* scale,
                 const float (*sums)[kRows * kPanel], const TileSpan& span) {
  alignas(64) float acc[kRows * kMostColumns];
  for (int first = 0; first < span.columns; first += kernel.nr) {
    const int columns = std::min(kernel.nr, span.columns - first);
    for (int c = 0, count = 0; c < columns; c += count) {
      const int panel = (first + c) / kPanel, at = (first + c) % kPanel;
      count = std::min(columns - c, kPanel - at);
      scale_columns(sums[panel] + at, scale + span.n + first + c, span.rows, count, kernel.nr, acc + c);
    }
    kernel.finish(epilogue, acc, {span.m, span.n + first, span.rows, columns});
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

std::int64_t packed_bytes_weight_only(const GemmShape& s) { return panels_of(s) * filled(s.k) * kPanel; }

void pack_weight_only(const GemmShape& s, const std::int8_t* w, void* packed) {
  auto* to = static_cast<unsigned char*>(packed);
  std::memset(to, 0, static_cast<std::size_t>(packed_bytes_weight_only(s)));
  for (std::int64_t n = 0; n < s.n; n += kPanel) {
    const std::int64_t columns = std::min<std::int64_t>(kPanel, s.n - n);
    for (std::int64_t k = 0; k < s.k; ++k) {
      const std::int8_t* from = w + k * s.b_k_stride + n * s.b_n_stride;
      unsigned char* row = to + n * filled(s.k) + k / 4 * (4 * kPanel) + k % 4;
      for (std::int64_t c = 0; c < columns; ++c) row[4 * c] = static_cast<unsigned char>(from[c * s.b_n_stride] + 128);
    }
  }
}

std::int64_t scratch_bytes_weight_only(const GemmShape& s) {
  return s.m * (2 * filled(s.k) + groups_of(s.k) * static_cast<std::int64_t>(sizeof(float) + sizeof(std::int32_t)));
}

void weight_only(const GemmShape& shape, const float* x, const void* packed, const float* scale,
                 const Epilogue& epilogue, void* scratch, ThreadPool& pool) {
  weight_only(select_weight_only(), shape, x, packed, scale, epilogue, scratch, pool);
}

void weight_only(const WeightOnlyKernel& kernel, const GemmShape& s, const float* x, const void* packed,
                 const float* scale, const Epilogue& epilogue, void* scratch, ThreadPool& pool) {
  const IgemmKernel& finisher = select_igemm_f32(s.n);
  const WeightOnlyRows all = split_rows(kernel, s, x, scratch, pool);
  const std::int64_t panel_bytes = all.k * kPanel, pairs = (panels_of(s) + 1) / 2;
  const std::int64_t blocks = (s.m + kTaskRows - 1) / kTaskRows, products = std::min(s.m, kTaskRows) * s.k * kColumns;
  const std::int64_t grain = std::max<std::int64_t>(1, kSmallTask / std::max<std::int64_t>(1, products));
  // Blocks of rows in turn by two panels that stay in cache.
  pool.parallel_for(pairs * blocks, grain, [&](std::int64_t begin, std::int64_t end) {
    alignas(64) float sums[2][kRows * kPanel];
    for (std::int64_t task = begin; task < end; ++task) {
      const std::int64_t pair = task / blocks, n = pair * kColumns, first = task % blocks * kTaskRows;
      const auto columns = static_cast<int>(std::min<std::int64_t>(kColumns, s.n - n));
      for (std::int64_t m = first; m < std::min(s.m, first + kTaskRows); m += kRows) {
        const WeightOnlyRows x_rows = rows_from(all, m);
        const auto rows = static_cast<int>(std::min<std::int64_t>(kRows, s.m - m));
        for (int i = 0; i * kPanel < columns; ++i)
          kernel.core(x_rows, rows, static_cast<const char*>(packed) + (2 * pair + i) * panel_bytes, sums[i]);
        finish_rows(finisher, epilogue, scale, sums, {m, n, rows, columns});
      }
    }
  });
}

}  // namespace octet::kernels
