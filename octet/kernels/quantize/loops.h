// The loops of this family in plain C++, compiled once for each instruction set (the compiler makes the
// vectors). Included only by the files of one instruction set and by the reference.
#pragma once

#include "octet/kernels/quantize/quantize.h"

namespace octet::kernels {
namespace {

// In the order of minps and maxps, so NaN becomes `high`.
inline float clamp_value(float v, float low, float high) {
  v = v < high ? v : high;
  return v > low ? v : low;
}

inline std::uint8_t round_byte(float v, std::int32_t zero_point) {
  return static_cast<std::uint8_t>(static_cast<std::int32_t>(__builtin_nearbyintf(v)) + zero_point);
}

void quantize_loop(const QuantizeParams& params, const float* x, std::int64_t count, std::uint8_t* y) noexcept {
  const QuantizeParams p = params;
  const std::int32_t qmin = p.is_signed ? -128 : 0;
  const auto low = static_cast<float>(qmin - p.zero_point), high = static_cast<float>(qmin + 255 - p.zero_point);
  if (p.rounding == Rounding::divide) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = round_byte(clamp_value(x[i] / p.scale, low, high), p.zero_point);
  } else {
    const float inverse = 1.0f / p.scale;
    for (std::int64_t i = 0; i < count; ++i) y[i] = round_byte(clamp_value(x[i] * inverse, low, high), p.zero_point);
  }
}

void dequantize_loop(const QuantizeParams& params, const std::uint8_t* x, std::int64_t count, float* y) noexcept {
  const QuantizeParams p = params;
  if (p.is_signed) {
    const auto* s = reinterpret_cast<const std::int8_t*>(x);
    for (std::int64_t i = 0; i < count; ++i) y[i] = static_cast<float>(s[i] - p.zero_point) * p.scale;
  } else {
    for (std::int64_t i = 0; i < count; ++i) y[i] = static_cast<float>(x[i] - p.zero_point) * p.scale;
  }
}

// N lanes, whatever the vectors of the processor are.
template <int N>
struct Lanes {
  typedef float Type __attribute__((vector_size(N * sizeof(float))));
};

// The least (or greatest) of N lanes, by halves.
template <bool kLeast, int N>
inline float fold_lanes(typename Lanes<N>::Type v) {
  typename Lanes<N / 2>::Type a, b;
  __builtin_memcpy(&a, &v, sizeof a);
  __builtin_memcpy(&b, reinterpret_cast<const char*>(&v) + sizeof a, sizeof b);
  if constexpr (N == 2) {
    return (kLeast ? b[0] < a[0] : b[0] > a[0]) ? b[0] : a[0];
  } else {
    return fold_lanes<kLeast, N / 2>((kLeast ? b < a : b > a) ? b : a);
  }
}

// Running ranges of 32 lanes: the compiler may not reorder one by itself, as NaN could tell.
void range_loop(const float* x, std::int64_t count, float& low, float& high) noexcept {
  constexpr int kLanes = 16;
  using Wide = Lanes<kLanes>::Type;
  Wide lows[2], highs[2], v[2];
  for (int j = 0; j < kLanes; ++j) {
    lows[0][j] = lows[1][j] = low;
    highs[0][j] = highs[1][j] = high;
  }
  std::int64_t i = 0;
  for (; i + 2 * kLanes <= count; i += 2 * kLanes) {
    __builtin_memcpy(v, x + i, sizeof v);
    for (int j = 0; j < 2; ++j) {
      lows[j] = v[j] < lows[j] ? v[j] : lows[j];
      highs[j] = v[j] > highs[j] ? v[j] : highs[j];
    }
  }
  low = fold_lanes<true, kLanes>(lows[1] < lows[0] ? lows[1] : lows[0]);
  high = fold_lanes<false, kLanes>(highs[1] > highs[0] ? highs[1] : highs[0]);
  for (; i < count; ++i) {
    low = x[i] < low ? x[i] : low;
    high = x[i] > high ? x[i] : high;
  }
}

}  // namespace
}  // namespace octet::kernels
