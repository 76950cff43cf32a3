// The inner loop of the depthwise float kernels, once, for whatever a vector is. Included only by the
// files of one instruction set.
#pragma once

#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels {
namespace {

/// kPixels x two vectors of channels; V says F32, kLanes, zero(), load(p), store(p, v), multiply_add(sum, a, w).
template <class V, int kPixels>
void run_depthwise_core(const TileArgs& tile, void* acc) noexcept {
  typename V::F32 sum[kPixels][2];
  for (int m = 0; m < kPixels; ++m) sum[m][0] = sum[m][1] = V::zero();
  const float* w = static_cast<const float*>(tile.panel);
  for (std::int64_t t = 0; t < tile.tap_count; ++t, w += 2 * V::kLanes) {
    const std::int64_t tap = tile.offset + tile.taps[t];
    const auto w0 = V::load(w), w1 = V::load(w + V::kLanes);
    for (int m = 0; m < kPixels; ++m) {
      const float* a = reinterpret_cast<const float*>(tile.row(m) + tap);
      sum[m][0] = V::multiply_add(sum[m][0], V::load(a), w0);
      sum[m][1] = V::multiply_add(sum[m][1], V::load(a + V::kLanes), w1);
    }
  }
  float* out = static_cast<float*>(acc);
  for (int m = 0; m < kPixels; ++m) {
    V::store(out + 2 * m * V::kLanes, sum[m][0]);
    V::store(out + (2 * m + 1) * V::kLanes, sum[m][1]);
  }
}

template <class V, int kPixels>
void depthwise_core(const TileArgs& tile, int rows, void* acc) noexcept {
  if constexpr (kPixels > 1) {
    if (rows < kPixels) return depthwise_core<V, kPixels - 1>(tile, rows, acc);
  }
  run_depthwise_core<V, kPixels>(tile, acc);
}

}  // namespace
}  // namespace octet::kernels
