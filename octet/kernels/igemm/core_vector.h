// The inner loop of every indirect GEMM kernel, once, for whatever a vector is. Included only by the
// files of one instruction set; everything is in an anonymous namespace, as they demand.
//
// A Vector says: Sum, Weights (types), kWeightBytes (of a step and one vector of columns), zero(),
// load_init(p), load_weights(p), broadcast(p) of 4 bytes, multiply_add(sum, a, w), store(p, sum).
#pragma once

#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels {
namespace {

constexpr int kPrefetchBytes = 2048;

template <class Vector, int kRows, int kVectors>
void run_core(const TileArgs& tile, void* acc) noexcept {
  typename Vector::Sum sum[kRows][kVectors];
  for (int m = 0; m < kRows; ++m) {
    for (int v = 0; v < kVectors; ++v) {
      sum[m][v] = tile.init == nullptr ? Vector::zero() : Vector::load_init(tile.init + v * Vector::kLanes);
    }
  }
  const char* w = static_cast<const char*>(tile.panel);
  for (std::int64_t t = 0; t < tile.tap_count; ++t) {
    const char* a[kRows];
    for (int m = 0; m < kRows; ++m) a[m] = static_cast<const char*>(tile.rows[m]) + tile.taps[t];
    const std::int64_t bytes = tile.k_steps * 4;
    for (std::int64_t k = 0; k < bytes; k += 4) {
      typename Vector::Weights b[kVectors];
      for (int v = 0; v < kVectors; ++v) b[v] = Vector::load_weights(w + v * Vector::kWeightBytes);
      // A few rows do not hide the way from memory: these kernels are as fast as weights arrive.
      if constexpr (kRows <= 2) __builtin_prefetch(w + kPrefetchBytes);
      w += kVectors * Vector::kWeightBytes;
      for (int m = 0; m < kRows; ++m) {
        const auto x = Vector::broadcast(a[m] + k);
        for (int v = 0; v < kVectors; ++v) sum[m][v] = Vector::multiply_add(sum[m][v], x, b[v]);
      }
    }
  }
  for (int m = 0; m < kRows; ++m) {
    for (int v = 0; v < kVectors; ++v) {
      Vector::store(static_cast<char*>(acc) + (m * kVectors + v) * 4 * Vector::kLanes, sum[m][v]);
    }
  }
}

/// IgemmKernel::core for tiles of up to kRows rows: one loop for each number of rows.
template <class Vector, int kRows, int kVectors>
void core(const TileArgs& tile, int rows, void* acc) noexcept {
  if constexpr (kRows > 1) {
    if (rows < kRows) return core<Vector, kRows - 1, kVectors>(tile, rows, acc);
  }
  run_core<Vector, kRows, kVectors>(tile, acc);
}

}  // namespace
}  // namespace octet::kernels
