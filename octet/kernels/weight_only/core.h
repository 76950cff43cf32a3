// The inner loops, once, for whatever a vector is. Included only by the files of one instruction set and by the
// reference; everything is in an anonymous namespace, as they demand.
//
// A Vector says, for kLanes columns: Weights load_weights(p) of four k, and load_nibbles(p, first, last) of eight; Sum
// zero(); multiply_add(sum, weights, digits) of one row's four k; add(sum, sum); total(sum), the s32 sums; and the
// arithmetic on s32 and f32 that is used below.
#pragma once

#include "octet/kernels/weight_only/split.h"

namespace octet::kernels {
namespace {

constexpr int kColumns = kWeightOnlyColumns;

/// What follows the weights of a group in a panel, from some column on.
struct BlockParams {
  const float* scale;         // null: without blocks
  const unsigned char* zero;  // null: without zero points
  BlockParams from(int column) const {
    return {scale == nullptr ? nullptr : scale + column, zero == nullptr ? nullptr : zero + column};
  }
};

/// Exact sums of a group, of weights with 128 (or 8) added, onto the float sums of all groups.
template <class Vector, int kBits, class S32>
void add_group(S32 total, float x_scale, std::int32_t x_sum, const BlockParams& params, float* sums) noexcept {
  const auto offset = params.zero == nullptr ? Vector::set(x_sum * (1 << (kBits - 1)))
                                             : Vector::mul(Vector::load(params.zero), Vector::set(x_sum));
  auto factor = Vector::set(x_scale);
  if (params.scale != nullptr) factor = Vector::mul(factor, Vector::load(params.scale));
  Vector::store(sums, Vector::multiply_add(Vector::to_f32(Vector::sub(total, offset)), factor, Vector::load(sums)));
}

/// kRows rows by kBlocks vectors of columns, `steps` times eight k of one group. With kChains 2 the fours of k are
/// summed apart, where one row has too few sums to wait for a multiply-add.
template <class Vector, int kBits, int kRows, int kBlocks, int kChains>
void group_block(const WeightOnlyRows& x, std::int64_t group, std::int64_t steps, const char* weights,
                 const BlockParams& params, float* sums) noexcept {
  typename Vector::Sum sum[kRows][kBlocks][kChains];
  for (int r = 0; r < kRows; ++r) {
    for (int b = 0; b < kBlocks; ++b) {
      for (int chain = 0; chain < kChains; ++chain) sum[r][b][chain] = Vector::zero();
    }
  }
  const char* digits = x.digits + group * 2 * x.group;
  for (std::int64_t s = 0; s < steps; ++s, digits += 2 * kStep, weights += kStep * kColumns * kBits / 8) {
    typename Vector::Weights w[2][kBlocks];
    if constexpr (kBits == 4) {
      for (int b = 0; b < kBlocks; ++b) Vector::load_nibbles(weights + b * 4 * Vector::kLanes, w[0][b], w[1][b]);
    }
    for (int four = 0; four < 2; ++four) {
      if constexpr (kBits == 8) {
        for (int b = 0; b < kBlocks; ++b)
          w[four][b] = Vector::load_weights(weights + (four * kColumns + b * Vector::kLanes) * 4);
      }
      for (int r = 0; r < kRows; ++r) {
        for (int b = 0; b < kBlocks; ++b)
          Vector::multiply_add(sum[r][b][four % kChains], w[four][b], digits + r * x.row_bytes + 8 * four);
      }
    }
  }
  for (int b = 0; b < kBlocks; ++b) {
    const BlockParams own = params.from(b * Vector::kLanes);
    for (int r = 0; r < kRows; ++r) {
      for (int chain = 1; chain < kChains; ++chain) Vector::add(sum[r][b][0], sum[r][b][chain]);
      const std::int64_t at = r * x.groups + group;
      add_group<Vector, kBits>(Vector::total(sum[r][b][0]), x.scale[at], x.sum[at], own,
                               sums + r * kColumns + b * Vector::kLanes);
    }
  }
}

/// The vectors that work together: up to kRows rows by kBlocks vectors of columns; of one row alone kBlocksOfOne, in
/// kChainsOfOne.
template <int kBits_, int kRows_, int kBlocks_, int kBlocksOfOne_, int kChainsOfOne_>
struct Tile {
  static constexpr int kBits = kBits_, kRows = kRows_, kBlocks = kBlocks_;
  static constexpr int kBlocksOfOne = kBlocksOfOne_, kChainsOfOne = kChainsOfOne_;
};

template <class Vector, class Tile, int kRows>
void some_rows(const WeightOnlyRows& x, int rows, const char* panel, float* sums) noexcept {
  if constexpr (kRows > 1) {
    if (rows < kRows) return some_rows<Vector, Tile, kRows - 1>(x, rows, panel, sums);
  }
  constexpr int kBlocks = kRows == 1 ? Tile::kBlocksOfOne : Tile::kBlocks;
  constexpr int kChains = kRows == 1 ? Tile::kChainsOfOne : 1;
  for (int i = 0; i < kRows * kColumns; ++i) sums[i] = 0;
  for (std::int64_t g = 0; g < x.groups; ++g) {
    const std::int64_t left = x.k - g * x.group, steps = (left < x.group ? left : x.group) / kStep;
    const char* behind = panel + steps * kStep * kColumns * Tile::kBits / 8;
    const bool blocks = x.form.block != 0, zeros = x.form.zero_points;
    const BlockParams params{blocks ? reinterpret_cast<const float*>(behind) : nullptr,
                             zeros ? reinterpret_cast<const unsigned char*>(behind) + 4 * kColumns : nullptr};
    for (int c = 0; c < kColumns; c += kBlocks * Vector::kLanes)
      group_block<Vector, Tile::kBits, kRows, kBlocks, kChains>(x, g, steps, panel + 4 * c, params.from(c), sums + c);
    panel = behind + (blocks ? 4 * kColumns : 0) + (zeros ? 2 * kColumns : 0);
  }
}

template <class Vector, class Tile>
void core(const WeightOnlyRows& all, int rows, const void* panel, float* sums) noexcept {
  WeightOnlyRows x = all;
  for (; rows > 0; rows -= Tile::kRows, sums += Tile::kRows * kColumns) {
    some_rows<Vector, Tile, Tile::kRows>(x, rows, static_cast<const char*>(panel), sums);
    x.digits += Tile::kRows * x.row_bytes;
    x.scale += Tile::kRows * x.groups;
    x.sum += Tile::kRows * x.groups;
  }
}

}  // namespace
}  // namespace octet::kernels
