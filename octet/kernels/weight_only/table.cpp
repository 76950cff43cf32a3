#include <algorithm>
#include <array>
#include <numeric>

#include "octet/kernels/igemm_f32/igemm_f32.h"
#include "octet/kernels/weight_only/kernels.h"
#include "octet/kernels/weight_only/panels.h"

namespace octet::kernels {
namespace {

constexpr std::array kTable = {&weight_only_avx512_vnni, &weight_only_avx512, &weight_only_avx_vnni, &weight_only_avx2,
                               &weight_only_reference};
constexpr int kColumns = 2 * kPanel, kRows = 12;  // finished together
constexpr int kMostColumns = 64;                  // of a tile of the float kernels
constexpr std::int64_t kTaskRows = 8 * kRows;
constexpr std::int64_t kSmallTask = 1 << 16;  // products that are not worth another thread

// Rows as integers, in scratch memory.
WeightOnlyRows split_rows(const WeightOnlyKernel& kernel, const WeightOnlyForm& form, const GemmShape& s,
                          const float* x, void* scratch, ThreadPool& pool) {
  const std::int64_t group = group_of(form), groups = groups_of(form, s.k);
  const std::int64_t lda = s.lda == 0 ? s.k : s.lda, bytes = 2 * filled(s.k);
  char* digits = static_cast<char*>(scratch);
  auto* scale = reinterpret_cast<float*>(digits + s.m * bytes);
  auto* sum = reinterpret_cast<std::int32_t*>(scale + s.m * groups);
  const std::int64_t grain = std::max<std::int64_t>(1, kSmallTask / std::max<std::int64_t>(1, s.k));
  pool.parallel_for(s.m, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r)
      kernel.split(x + r * lda, s.k, group, digits + r * bytes, scale + r * groups, sum + r * groups);
  });
  return {digits, bytes, scale, sum, group, groups, filled(s.k), form};
}

WeightOnlyRows rows_from(WeightOnlyRows rows, std::int64_t m) {
  rows.digits += m * rows.row_bytes;
  rows.scale += m * rows.groups;
  rows.sum += m * rows.groups;
  return rows;
}

// `count` neighbouring columns of some rows, scaled where they are not yet.
void scale_columns(const float* __restrict sums, const float* __restrict scale, int rows, int count, int nr,
                   float* __restrict acc) {
  for (int r = 0; r < rows; ++r) {
    if (scale == nullptr) {
      std::copy_n(sums + r * kPanel, count, acc + r * nr);
    } else {
      for (int c = 0; c < count; ++c) acc[r * nr + c] = sums[r * kPanel + c] * scale[c];
    }
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
      scale_columns(sums[panel] + at, scale == nullptr ? nullptr : scale + span.n + first + c, span.rows, count,
                    kernel.nr, acc + c);
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

std::int64_t scratch_bytes_weight_only(const WeightOnlyForm& form, const GemmShape& s) {
  const auto numbers = static_cast<std::int64_t>(sizeof(float) + sizeof(std::int32_t));
  return s.m * (2 * filled(s.k) + groups_of(form, s.k) * numbers);
}

void weight_only(const WeightOnlyForm& form, const GemmShape& shape, const float* x, const void* packed,
                 const float* column_scale, const Epilogue& epilogue, void* scratch, ThreadPool& pool) {
  weight_only(select_weight_only(), form, shape, x, packed, column_scale, epilogue, scratch, pool);
}

void weight_only(const WeightOnlyKernel& kernel, const WeightOnlyForm& form, const GemmShape& s, const float* x,
                 const void* packed, const float* column_scale, const Epilogue& epilogue, void* scratch,
                 ThreadPool& pool) {
  const IgemmKernel& finisher = select_igemm_f32(s.n);
  const auto core = form.bits == 4 ? kernel.core4 : kernel.core8;
  const WeightOnlyRows all = split_rows(kernel, form, s, x, scratch, pool);
  const std::int64_t bytes = panel_bytes(form, s.k), pairs = (panels_of(s) + 1) / 2;
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
          core(x_rows, rows, static_cast<const char*>(packed) + (2 * pair + i) * bytes, sums[i]);
        std::int64_t out_rows[kRows];
        std::iota(out_rows, out_rows + rows, m);
        finish_rows(finisher, epilogue, column_scale, sums, {out_rows, n, rows, columns});
      }
    }
  });
}

}  // namespace octet::kernels
