// The inner loops, once, for whatever a vector is. Included only by the files of one instruction set and by the
// reference; everything is in an anonymous namespace, as they demand.
//
// A Vector says, for kLanes columns: Weights load_weights(p) of four k; Sum zero(); multiply_add(sum, weights, digits)
// of one row's four k; add(sum, sum); total(sum), the s32 sums; and the arithmetic on s32 and f32 that is used below.
#pragma once

#include "octet/kernels/weight_only/split.h"

namespace octet::kernels {
namespace {

constexpr int kColumns = kWeightOnlyColumns;

/// kRows rows by kBlocks vectors of columns, `steps` times eight k of one group. With kChains 2 the fours of k are
/// summed apart, where one row has too few sums to wait for a multiply-add.
template <class Vector, int kRows, int kBlocks, int kChains>
void group_block(const WeightOnlyRows& x, std::int64_t group, std::int64_t steps, const char* weights,
                 float* sums) noexcept {
  typename Vector::Sum sum[kRows][kBlocks][kChains];
  for (int r = 0; r < kRows; ++r) {
    for (int b = 0; b < kBlocks; ++b) {
      for (int chain = 0; chain < kChains; ++chain) sum[r][b][chain] = Vector::zero();
    }
  }
  const char* digits = x.digits + group * 2 * kWeightOnlyGroup;
  for (std::int64_t s = 0; s < steps; ++s, digits += 2 * kStep) {
    for (int four = 0; four < 2; ++four, weights += 4 * kColumns) {
      typename Vector::Weights w[kBlocks];
      for (int b = 0; b < kBlocks; ++b) w[b] = Vector::load_weights(weights + b * 4 * Vector::kLanes);
      for (int r = 0; r < kRows; ++r) {
        for (int b = 0; b < kBlocks; ++b)
          Vector::multiply_add(sum[r][b][four % kChains], w[b], digits + r * x.row_bytes + 8 * four);
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    const std::int64_t at = r * x.groups + group;
    const auto offset = Vector::set(128 * x.sum[at]);  // weights lie with 128 added
    for (int b = 0; b < kBlocks; ++b) {
      for (int chain = 1; chain < kChains; ++chain) Vector::add(sum[r][b][0], sum[r][b][chain]);
      const auto total = Vector::to_f32(Vector::sub(Vector::total(sum[r][b][0]), offset));
      float* to = sums + r * kColumns + b * Vector::kLanes;
      Vector::store(to, Vector::multiply_add(total, Vector::set(x.scale[at]), Vector::load(to)));
    }
  }
}

/// Up to kRows rows: kBlocks vectors of columns at a time; one row alone takes kBlocksOfOne, in kChainsOfOne.
template <class Vector, int kRows, int kBlocks, int kBlocksOfOne, int kChainsOfOne>
void some_rows(const WeightOnlyRows& x, int rows, const char* panel, float* sums) noexcept {
  if constexpr (kRows > 1) {
    if (rows < kRows) return some_rows<Vector, kRows - 1, kBlocks, kBlocksOfOne, kChainsOfOne>(x, rows, panel, sums);
  }
  constexpr int kTogether = kRows == 1 ? kBlocksOfOne : kBlocks, kChains = kRows == 1 ? kChainsOfOne : 1;
  for (int i = 0; i < kRows * kColumns; ++i) sums[i] = 0;
  for (std::int64_t g = 0; g < x.groups; ++g) {
    const std::int64_t left = x.k - g * kWeightOnlyGroup;
    const std::int64_t steps = (left < kWeightOnlyGroup ? left : kWeightOnlyGroup) / kStep;
    for (int c = 0; c < kColumns; c += kTogether * Vector::kLanes)
      group_block<Vector, kRows, kTogether, kChains>(x, g, steps, panel + 4 * c, sums + c);
    panel += steps * kStep * kColumns;
  }
}

template <class Vector, int kRows, int kBlocks, int kBlocksOfOne, int kChainsOfOne>
void core(const WeightOnlyRows& all, int rows, const void* panel, float* sums) noexcept {
  WeightOnlyRows x = all;
  for (; rows > 0; rows -= kRows, sums += kRows * kColumns) {
    some_rows<Vector, kRows, kBlocks, kBlocksOfOne, kChainsOfOne>(x, rows, static_cast<const char*>(panel), sums);
    x.digits += kRows * x.row_bytes;
    x.scale += kRows * x.groups;
    x.sum += kRows * x.groups;
  }
}

}  // namespace
}  // namespace octet::kernels
