// The two products and what stands between them, once for every instruction set; as pack_vector.h.
#pragma once

#include "octet/kernels/attention_s16/pack_vector.h"

namespace octet::kernels {
namespace {

// One pair of numbers of each row by one step of a panel; the first step starts the sums, which then stay in registers.
template <class Vector, int kRows, int kVectors, int kStride, bool kStarts>
inline __attribute__((always_inline)) void run_step(const std::int16_t* a, const std::int32_t* panel,
                                                    typename Vector::S32 (&sum)[kRows][kVectors]) {
  typename Vector::S32 b[kVectors];
  for (int v = 0; v < kVectors; ++v) b[v] = Vector::load(panel + v * kLanes);
  for (int r = 0; r < kRows; ++r) {
    std::int32_t both;
    __builtin_memcpy(&both, a + r * kStride, 4);
    const typename Vector::S32 x = Vector::set(both);
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] = Vector::multiply_add(kStarts ? Vector::set(std::int32_t{0}) : sum[r][v], x, b[v]);
    }
  }
}

/// finish(row, vector, sums) of a tile: rows of pairs a[row * kStride + 2 p], a panel [pairs][kVectors][16] of pairs.
template <class Vector, int kRows, int kVectors, int kStride, class Finish>
inline __attribute__((always_inline)) void run_tile(const std::int16_t* a, const std::int32_t* panel,
                                                    std::int64_t pairs, const Finish& finish) {
  typename Vector::S32 sum[kRows][kVectors];
  run_step<Vector, kRows, kVectors, kStride, true>(a, panel, sum);
  for (std::int64_t p = 1; p < pairs; ++p) {
    run_step<Vector, kRows, kVectors, kStride, false>(a + 2 * p, panel + p * kVectors * kLanes, sum);
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) finish(r, v, sum[r][v]);
  }
}

/// Tiles over the first `rows` rows of a block; a tile may take a few rows more.
template <class Vector, int kRows, int kVectors, int kStride, class Finish>
inline void run_tiles(const std::int16_t* a, int rows, const std::int32_t* panel, std::int64_t pairs,
                      const Finish& finish) {
  for (int first = 0; first < rows; first += kRows) {
    const auto from = [&](int r, int v, typename Vector::S32 sums) { finish(first + r, v, sums); };
    const std::int16_t* const tile = a + first * kStride;
    if (rows - first <= kRows / 3) {
      run_tile<Vector, kRows / 3, kVectors, kStride>(tile, panel, pairs, from);
    } else if (rows - first <= kRows / 3 * 2) {
      run_tile<Vector, kRows / 3 * 2, kVectors, kStride>(tile, panel, pairs, from);
    } else {
      run_tile<Vector, kRows, kVectors, kStride>(tile, panel, pairs, from);
    }
  }
}

// The mask of a block of rows, in which keys that only fill up are masked too; returns the step from row to row.
inline std::int64_t read_mask(const AttentionHead& head, const AttentionQueries& queries, std::int64_t first, int rows,
                              AttentionBlock& block) {
  const bool shared = queries.mask == nullptr || queries.mask_stride == 0;
  if (shared && first > 0) return 0;
  for (int r = 0; r < (shared ? 1 : rows); ++r) {
    float* const to = block.mask + r * kAttentionKeyStride;
    const float* const from = queries.mask == nullptr ? nullptr : queries.mask + (first + r) * queries.mask_stride;
    for (std::int64_t s = 0; s < head.keys; ++s) to[s] = from == nullptr ? 0 : from[s];
    for (std::int64_t s = head.keys; s < attention_padded(head.keys); ++s) to[s] = -__builtin_inff();
  }
  for (int r = rows; r < kAttentionRows && !shared; ++r) {
    for (std::int64_t s = 0; s < attention_padded(head.keys); ++s) block.mask[r * kAttentionKeyStride + s] = 0;
  }
  return shared ? 0 : kAttentionKeyStride;
}

template <class Vector, int kRows, int kVectors>
void find_scores(const AttentionHead& head, const PackedHead& packed, std::int64_t mask_step, int rows,
                 AttentionBlock& block) {
  const std::int64_t pairs = (head.depth + 1) / 2;
  constexpr int kColumns = kVectors * kLanes;
  const auto* panel = reinterpret_cast<const std::int32_t*>(packed.keys);
  for (std::int64_t n = 0; n < attention_padded(head.keys); n += kColumns, panel += pairs * kColumns) {
    run_tiles<Vector, kRows, kVectors, kAttentionDepthStride>(
        block.queries, rows, panel, pairs, [&](int r, int v, typename Vector::S32 sums) {
          const std::int64_t at = n + v * kLanes;
          const typename Vector::F32 x = Vector::mul(Vector::to_f32(sums), Vector::set(block.query_scale[r]));
          const typename Vector::F32 mask = Vector::load(block.mask + r * mask_step + at);
          Vector::store(block.scores + r * kAttentionKeyStride + at,
                        Vector::fma(x, Vector::load(packed.key_scale + at), mask));
        });
  }
}

// e^d for kAttentionLeast <= d <= 0, as 2^n 2^f with n = round(d / ln 2).
template <class Vector>
inline typename Vector::F32 exp_of(typename Vector::F32 d) {
  using F32 = typename Vector::F32;
  const F32 log2e = Vector::set(kAttentionLog2E), round = Vector::set(kAttentionRound);
  const F32 shifted = Vector::fma(d, log2e, round);
  const F32 f = Vector::fma(d, log2e, Vector::sub(round, shifted));
  F32 p = Vector::set(kAttentionExp[4]);
  for (int i = 3; i >= 0; --i) p = Vector::fma(p, f, Vector::set(kAttentionExp[i]));
  return Vector::times_power(p, shifted);
}

// Integer weights of rows of scores, which are used up, and what the products with them are to be multiplied by. Step
// by step for all rows: none waits for the sum of the one before.
template <class Vector>
inline void weigh(const float* value_scale, std::int64_t keys, int rows, AttentionBlock& block) {
  using F32 = typename Vector::F32;
  for (int r = 0; r < rows; ++r) {
    const float* const x = block.scores + r * kAttentionKeyStride;
    F32 most = Vector::set(-__builtin_inff()), any_nan = Vector::set(0.0f);
    for (std::int64_t s = 0; s < keys; s += kLanes) {
      const F32 v = Vector::load(x + s);
      most = Vector::greater(v, most);
      any_nan = Vector::add(any_nan, v);
    }
    block.shift[r] = Vector::fold_greatest(most);
    block.check[r] = Vector::fold_sum(any_nan);
  }
  for (int r = 0; r < rows; ++r) {
    float* const x = block.scores + r * kAttentionKeyStride;
    const F32 shift = Vector::set(block.shift[r]);
    F32 total = Vector::set(0.0f), sum = total, most = total;
    for (std::int64_t s = 0; s < keys; s += kLanes) {
      const F32 d = Vector::sub(Vector::load(x + s), shift);
      const F32 p = exp_of<Vector>(Vector::greater(Vector::set(kAttentionLeast), d));
      const F32 w = Vector::mul(p, Vector::load(value_scale + s));
      total = Vector::add(total, p);
      sum = Vector::add(sum, w);
      most = Vector::greater(w, most);
      Vector::store(x + s, w);
    }
    block.total[r] = Vector::fold_sum(total);
    block.sum[r] = Vector::fold_sum(sum);
    block.most[r] = Vector::fold_greatest(most);
  }
  for (int r = 0; r < rows; ++r) {
    const float sum = block.sum[r], shift = block.shift[r];
    const float greatest = kAttentionLimit / block.most[r], all = kAttentionWeights / sum;
    const float c = greatest < all ? greatest : all;
    // Scores that are not finite, or values: then the sum is none.
    const bool finite =
        shift > -__builtin_inff() && shift < __builtin_inff() && block.check[r] == block.check[r] && sum == sum;
    const bool tiny = sum < kAttentionTiny;
    block.c[r] = tiny ? 0 : c;
    const float out = tiny ? 0 : 1 / (c * block.total[r]);
    block.out_scale[r] = finite ? out : __builtin_nanf("");
  }
  for (int r = 0; r < rows; ++r) {
    const float* const x = block.scores + r * kAttentionKeyStride;
    const F32 c = Vector::set(block.c[r]);
    for (std::int64_t s = 0; s < keys; s += kLanes) {
      Vector::store_s16(block.weights + r * kAttentionKeyStride + s,
                        Vector::round(Vector::mul(Vector::load(x + s), c)));
    }
  }
}

template <class Vector, int kRows, int kVectors>
void find_outputs(const AttentionHead& head, const PackedHead& packed, const AttentionQueries& queries,
                  std::int64_t first, int rows, const AttentionBlock& block) {
  const std::int64_t pairs = attention_padded(head.keys) / 2;
  constexpr int kColumns = kVectors * kLanes;
  const auto* panel = reinterpret_cast<const std::int32_t*>(packed.values);
  for (std::int64_t n = 0; n < head.width; n += kColumns, panel += pairs * kColumns) {
    run_tiles<Vector, kRows, kVectors, kAttentionKeyStride>(
        block.weights, rows, panel, pairs, [&](int r, int v, typename Vector::S32 sums) {
          const std::int64_t at = n + v * kLanes;
          const int left = lanes_left(head.width, at);
          if (r >= rows || left == 0) return;
          float* const y = queries.y + (first + r) * queries.y_stride + at;
          const typename Vector::F32 out = Vector::mul(Vector::to_f32(sums), Vector::set(block.out_scale[r]));
          left == kLanes ? Vector::store(y, out) : Vector::store_some(y, out, left);
        });
  }
}

// Tiles may take a few rows more than there are.
inline void clear_rows(const AttentionHead& head, int rows, AttentionBlock& block) {
  for (int r = rows; r < kAttentionRows; ++r) {
    block.query_scale[r] = 0;
    __builtin_memset(block.queries + r * kAttentionDepthStride, 0,
                     static_cast<std::size_t>(attention_padded(head.depth)) * sizeof(std::int16_t));
    __builtin_memset(block.weights + r * kAttentionKeyStride, 0,
                     static_cast<std::size_t>(attention_padded(head.keys)) * sizeof(std::int16_t));
  }
}

template <class Vector, int kRows, int kVectors>
void attend(const AttentionHead& head, const void* memory, const AttentionQueries& queries, void* scratch) noexcept {
  static_assert(kAttentionRows % kRows == 0 && kAttentionPad % (kVectors * kLanes) == 0);
  const PackedHead packed = packed_head(head, memory);
  auto& block = *static_cast<AttentionBlock*>(scratch);
  for (std::int64_t first = 0; first < queries.rows; first += kAttentionRows) {
    const int rows = static_cast<int>(queries.rows - first < kAttentionRows ? queries.rows - first : kAttentionRows);
    if (rows < kAttentionRows) clear_rows(head, rows, block);
    quantize_rows<Vector, kAttentionDepthStride>(queries.q + first * queries.q_stride, queries.q_stride, 1, rows,
                                                 head.depth, block.queries, block.query_scale);
    for (int r = 0; r < rows; ++r) block.query_scale[r] *= queries.factor;
    const std::int64_t mask_step = read_mask(head, queries, first, rows, block);
    find_scores<Vector, kRows, kVectors>(head, packed, mask_step, rows, block);
    weigh<Vector>(packed.value_scale, attention_padded(head.keys), rows, block);
    find_outputs<Vector, kRows, kVectors>(head, packed, queries, first, rows, block);
  }
}

}  // namespace
}  // namespace octet::kernels
