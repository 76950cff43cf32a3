// The inner loops, once, for whatever a vector is. Included only by the files of one instruction set and by the
// reference; everything is in an anonymous namespace, as they demand.
//
// A Vector says: kLanes, F32, zero(), store(p, v), broadcast(p), load_bytes(p) as floats, multiply_add(sum, a, b).
#pragma once

#include "octet/kernels/weight_only/weight_only.h"

namespace octet::kernels {
namespace {

template <class Vector, int kRows, int kVectors>
void run_core(const float* x, std::int64_t lda, std::int64_t k, const std::int8_t* panel, float* sums) noexcept {
  typename Vector::F32 sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) sum[r][v] = Vector::zero();
  }
  for (std::int64_t i = 0; i < k; ++i) {
    typename Vector::F32 weights[kVectors];
    for (int v = 0; v < kVectors; ++v)
      weights[v] = Vector::load_bytes(panel + i * kWeightOnlyColumns + v * Vector::kLanes);
    for (int r = 0; r < kRows; ++r) {
      const auto number = Vector::broadcast(x + r * lda + i);
      for (int v = 0; v < kVectors; ++v) sum[r][v] = Vector::multiply_add(sum[r][v], number, weights[v]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) Vector::store(sums + r * kWeightOnlyColumns + v * Vector::kLanes, sum[r][v]);
  }
}

/// Up to kRows rows, kVectors vectors of columns at a time; one row alone takes kVectorsOfOne.
template <class Vector, int kRows, int kVectors, int kVectorsOfOne>
void some_rows(const float* x, std::int64_t lda, int rows, std::int64_t k, const std::int8_t* panel,
               float* sums) noexcept {
  if constexpr (kRows > 1) {
    if (rows < kRows) return some_rows<Vector, kRows - 1, kVectors, kVectorsOfOne>(x, lda, rows, k, panel, sums);
  }
  constexpr int kTogether = kRows == 1 ? kVectorsOfOne : kVectors;
  for (int c = 0; c < kWeightOnlyColumns; c += kTogether * Vector::kLanes)
    run_core<Vector, kRows, kTogether>(x, lda, k, panel + c, sums + c);
}

template <class Vector, int kRows, int kVectors, int kVectorsOfOne>
void core(const float* x, std::int64_t lda, int rows, std::int64_t k, const std::int8_t* panel, float* sums) noexcept {
  for (int r = 0; r < rows; r += kRows) {
    some_rows<Vector, kRows, kVectors, kVectorsOfOne>(x + r * lda, lda, rows - r < kRows ? rows - r : kRows, k, panel,
                                                      sums + r * kWeightOnlyColumns);
  }
}

}  // namespace
}  // namespace octet::kernels
