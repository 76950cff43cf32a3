// The two products, once for every instruction set; as quantize_vector.h.
#pragma once

#include "octet/kernels/attention_s8/pack_vector.h"
#include "octet/kernels/attention_s8/weigh_vector.h"

namespace octet::kernels {
namespace {

// Four bytes of each row by one step of a panel.
template <class Vector, int kRows, int kVectors>
inline __attribute__((always_inline)) void run_step(const char* a, int stride, const std::int32_t* panel,
                                                    typename Vector::S32 (&sum)[kRows][kVectors]) {
  typename Vector::S32 b[kVectors];
  for (int v = 0; v < kVectors; ++v) b[v] = Vector::load(panel + v * kLanes);
  for (int r = 0; r < kRows; ++r) {
    std::int32_t group;
    __builtin_memcpy(&group, a + r * stride, 4);
    const typename Vector::S32 x = Vector::set(group);
    for (int v = 0; v < kVectors; ++v) sum[r][v] = Vector::multiply_add(sum[r][v], x, b[v]);
  }
}

/// Rows and vectors of a tile, known to the compiler.
template <int kTileRows, int kTileVectors>
struct TileSize {
  static constexpr int kRows = kTileRows, kVectors = kTileVectors;
};

/// tile(first row, its size) over the first `rows` rows of a block and `columns` of a panel; a tile may take a few rows
/// more.
template <int kRows, int kVectors, class Tile>
inline void for_tiles(int rows, std::int64_t columns, const Tile& tile) {
  if constexpr (kVectors > 1) {
    if (columns <= kLanes) return for_tiles<kRows, 1>(rows, columns, tile);
  }
  for (int first = 0; first < rows; first += kRows) {
    if (rows - first <= kRows / 3) {
      tile(first, TileSize<kRows / 3, kVectors>());
    } else if (rows - first <= kRows / 3 * 2) {
      tile(first, TileSize<kRows / 3 * 2, kVectors>());
    } else {
      tile(first, TileSize<kRows, kVectors>());
    }
  }
}

// Scores of a tile by a panel of keys, from key `at` on, and the greatest ones so far.
template <class Vector, int kColumns, int kRows, int kVectors>
inline __attribute__((always_inline)) void find_tile_scores(const PackedHead& packed, const std::int32_t* panel,
                                                            std::int64_t steps, std::int64_t at, int first,
                                                            const MaskRows& masks, AttentionBlock& block) {
  using F32 = typename Vector::F32;
  constexpr int kStride = kAttentionDepthStride * Vector::kBytes;
  typename Vector::S32 sum[kRows][kVectors];
  for (int v = 0; v < kVectors; ++v) {
    for (int r = 0; r < kRows; ++r) sum[r][v] = Vector::load(packed.key_start + at + v * kLanes);
  }
  const char* const a = block.queries + first * kStride;
  for (std::int64_t p = 0; p < steps; ++p) {
    run_step<Vector>(a + 4 * p, kStride, panel + p * kColumns, sum);
  }
  const float* const key_scale = packed.key_scale + at;
#pragma GCC unroll 16  // so that sums stay in registers
  for (int r = 0; r < kRows; ++r) {
    const int row = first + r;
    const float* const mask = masks.at + row * masks.step + at;
    float* const scores = block.scores + row * kAttentionKeyStride + at;
    const F32 scale = Vector::set(block.query_scale[row]);
    F32 most = Vector::load(block.most + row * kLanes);
    for (int v = 0; v < kVectors; ++v) {
      const F32 x = Vector::fma(Vector::mul(Vector::to_f32(sum[r][v]), scale), Vector::load(key_scale + v * kLanes),
                                Vector::load(mask + v * kLanes));
      Vector::store(scores + v * kLanes, x);
      most = Vector::greater(x, most);
    }
    Vector::store(block.most + row * kLanes, most);
  }
}

template <class Vector, int kRows, int kVectors>
void find_scores(const AttentionHead& head, const PackedHead& packed, const MaskRows& masks, int rows,
                 AttentionBlock& block) {
  const std::int64_t steps = depth_steps<Vector>(head);
  constexpr int kColumns = kVectors * kLanes;
  const auto* panel = reinterpret_cast<const std::int32_t*>(packed.keys);
  for (int r = 0; r < kAttentionRows; ++r) Vector::store(block.most + r * kLanes, Vector::set(-__builtin_inff()));
  for (std::int64_t n = 0; n < head.keys; n += kColumns, panel += steps * kColumns) {
    for_tiles<kRows, kVectors>(rows, head.keys - n, [&](int first, auto size) {
      using Size = decltype(size);
      find_tile_scores<Vector, kColumns, Size::kRows, Size::kVectors>(packed, panel, steps, n, first, masks, block);
    });
  }
}

// Sums of a tile by a panel of values: of second digits, where there are any, and of the first.
template <class Vector, int kColumns, int kRows, int kVectors>
inline __attribute__((always_inline)) void find_tile_sums(const AttentionBlock& block, int first, int digits,
                                                          const std::int32_t* panel, std::int64_t steps,
                                                          typename Vector::S32 (&sum)[kRows][kVectors]) {
  constexpr int kStride = kAttentionKeyStride * Vector::kBytes;
  for (int v = 0; v < kVectors; ++v) {
    for (int r = 0; r < kRows; ++r) sum[r][v] = Vector::set(std::int32_t{0});
  }
  const char* const a = block.weights + first * kStride;
  if (digits > 0) {
    const char* const second = a + kAttentionRows * kStride;
    for (int i = 0; i < digits; ++i) {
      run_step<Vector>(second + 4 * block.digits[i], kStride, panel + block.digits[i] * kColumns, sum);
    }
    for (int v = 0; v < kVectors; ++v) {
      for (int r = 0; r < kRows; ++r) sum[r][v] = Vector::times_256(sum[r][v]);
    }
  }
  for (std::int64_t p = 0; p < steps; ++p) run_step<Vector>(a + 4 * p, kStride, panel + p * kColumns, sum);
}

template <class Vector, int kRows, int kVectors>
void find_outputs(const AttentionHead& head, const PackedHead& packed, const AttentionQueries& queries,
                  std::int64_t begin, int rows, int digits, const AttentionBlock& block) {
  // Keys that fill up the panels have no weights.
  const std::int64_t steps = (head.keys + Vector::kGroup - 1) / Vector::kGroup;
  const std::int64_t panel_steps = attention_padded(head.keys) / Vector::kGroup;
  constexpr int kColumns = kVectors * kLanes;
  const auto* panel = reinterpret_cast<const std::int32_t*>(packed.values);
  for (std::int64_t n = 0; n < head.width; n += kColumns, panel += panel_steps * kColumns) {
    for_tiles<kRows, kVectors>(rows, head.width - n, [&](int first, auto size) {
      constexpr int kTileRows = decltype(size)::kRows, kTileVectors = decltype(size)::kVectors;
      typename Vector::S32 sum[kTileRows][kTileVectors];
      find_tile_sums<Vector, kColumns>(block, first, digits, panel, steps, sum);
#pragma GCC unroll 16  // so that sums stay in registers
      for (int r = 0; r < kTileRows; ++r) {
        if (first + r >= rows) return;
        float* const y = queries.y + (begin + first + r) * queries.y_stride;
        const typename Vector::F32 scale = Vector::set(block.out_scale[first + r]);
        for (int v = 0; v < kTileVectors; ++v) {
          const std::int64_t at = n + v * kLanes;
          const int left = lanes_left(head.width, at);
          const typename Vector::F32 out = Vector::mul(Vector::to_f32(sum[r][v]), scale);
          if (left == kLanes) Vector::store(y + at, out);
          if (left > 0 && left < kLanes) Vector::store_some(y + at, out, left);
        }
      }
    });
  }
}

}  // namespace
}  // namespace octet::kernels
