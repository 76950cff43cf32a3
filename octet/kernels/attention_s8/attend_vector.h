// Attention block by block, once for every instruction set; as quantize_vector.h.
#pragma once

#include "octet/kernels/attention_s8/products_vector.h"

namespace octet::kernels {
namespace {

// Tiles may take a few rows more than there are.
template <class Vector>
void clear_rows(const AttentionHead& head, int rows, AttentionBlock& block) {
  constexpr int kDepth = kAttentionDepthStride * Vector::kBytes, kKeys = kAttentionKeyStride * Vector::kBytes;
  const auto depth = static_cast<std::size_t>(attention_padded(head.depth) * Vector::kBytes);
  const auto keys = static_cast<std::size_t>(attention_padded(head.keys) * Vector::kBytes);
  for (int r = rows; r < kAttentionRows; ++r) {
    __builtin_memset(block.queries + r * kDepth, 0, depth);
    __builtin_memset(block.weights + r * kKeys, 0, keys);
    if (Vector::kBytes == 1) __builtin_memset(block.weights + (kAttentionRows + r) * kKeys, 0, keys);
  }
}

template <class Vector>
void quantize_queries(const AttentionHead& head, const AttentionQueries& queries, std::int64_t first, int rows,
                      const float* inverses, const float* scales, AttentionBlock& block) {
  quantize_rows<Vector>(queries.q + first * queries.q_stride, queries.q_stride, 1, rows, head.depth, Vector::kOffset,
                        block.queries, inverses);
  for (int r = 0; r < kAttentionRows; ++r) block.query_scale[r] = scales[r] * queries.factor;
}

template <class Vector, int kRows, int kVectors>
void attend(const AttentionHead& head, const void* memory, const AttentionQueries& queries, void* scratch) noexcept {
  static_assert(kAttentionRows % kRows == 0 && kAttentionPad % (kVectors * kLanes) == 0);
  const PackedHead packed = packed_head(head, memory);
  auto& block = *static_cast<AttentionBlock*>(scratch);
  constexpr int kBlocksRows = 4 * kAttentionRows;  // whole vectors of scales
  static_assert(kBlocksRows % kLanes == 0 && kBlocksRows <= kScaledRows);
  RowScales scales = {};
  // Folds take rows that no block has, too.
  __builtin_memset(block.most, 0, sizeof(block.most));
  __builtin_memset(block.totals, 0, sizeof(block.totals));
  __builtin_memset(block.sums, 0, sizeof(block.sums));
  for (std::int64_t first = 0; first < queries.rows; first += kAttentionRows) {
    const int rows = static_cast<int>(queries.rows - first < kAttentionRows ? queries.rows - first : kAttentionRows);
    if (rows < kAttentionRows) clear_rows<Vector>(head, rows, block);
    const int at = static_cast<int>(first % kBlocksRows);
    if (at == 0) {
      find_score_scales<Vector>(queries.q + first * queries.q_stride, queries.q_stride, 1,
                                queries.rows - first < kBlocksRows ? queries.rows - first : kBlocksRows, head.depth,
                                scales);
    }
    quantize_queries<Vector>(head, queries, first, rows, scales.inverse + at, scales.scale + at, block);
    const MaskRows masks = read_mask(head, queries, first, rows, block);
    find_scores<Vector, kRows, kVectors>(head, packed, masks, rows, block);
    const int digits = weigh<Vector>(packed.value_scale, head.keys, rows, block);
    find_outputs<Vector, kRows, kVectors>(head, packed, queries, first, rows, digits, block);
  }
}

}  // namespace
}  // namespace octet::kernels
