// The inner loop of the depthwise int8 kernels, once, for whatever a vector is: two taps at a time,
// their s16 activations interleaved so that one multiply-add of pairs sums both. Included only by the
// files of one instruction set.
//
// A Vector of L s32 lanes says: Bits, low_pairs(a, b) and high_pairs(a, b) that interleave s16 by
// 128-bit parts, load(p), multiply_add(sum, a, w), and to_parts and from_parts between 2 L channels in
// order and the order of such interleaves.
#pragma once

#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels {
namespace {

template <class V, int kPixels>
void run_depthwise_core(const TileArgs& tile, void* acc) noexcept {
  typename V::Bits low[kPixels], high[kPixels], first, second;
  V::to_parts(V::load(tile.init), V::load(tile.init + V::kLanes), first, second);
  for (int m = 0; m < kPixels; ++m) {
    low[m] = first;
    high[m] = second;
  }
  const char* w = static_cast<const char*>(tile.panel);
  for (std::int64_t t = 0; t < tile.tap_count; t += 2) {
    // An odd last tap is paired with itself; its second weight is zero.
    const std::int64_t tap0 = tile.offset + tile.taps[t];
    const std::int64_t tap1 = t + 1 < tile.tap_count ? tile.offset + tile.taps[t + 1] : tap0;
    const auto w0 = V::load(w), w1 = V::load(w + 4 * V::kLanes);
    w += 8 * V::kLanes;
    for (int m = 0; m < kPixels; ++m) {
      const char* pixel = tile.row(m);
      const auto a = V::load(pixel + tap0), b = V::load(pixel + tap1);
      low[m] = V::multiply_add(low[m], V::low_pairs(a, b), w0);
      high[m] = V::multiply_add(high[m], V::high_pairs(a, b), w1);
    }
  }
  char* out = static_cast<char*>(acc);
  for (int m = 0; m < kPixels; ++m) {
    V::from_parts(low[m], high[m], first, second);
    V::store(out + m * 8 * V::kLanes, first);
    V::store(out + (2 * m + 1) * 4 * V::kLanes, second);
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
