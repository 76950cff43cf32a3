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

// Thirty-two running ranges: the compiler may not reorder one by itself, as NaN could tell.
void range_loop(const float* x, std::int64_t count, float& low, float& high) noexcept {
  constexpr int kLanes = 32;
  float lows[kLanes], highs[kLanes];
  for (int j = 0; j < kLanes; ++j) {
    lows[j] = low;
    highs[j] = high;
  }
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) {
      lows[j] = x[i + j] < lows[j] ? x[i + j] : lows[j];
      highs[j] = x[i + j] > highs[j] ? x[i + j] : highs[j];
    }
  }
  for (; i < count; ++i) {
    lows[0] = x[i] < lows[0] ? x[i] : lows[0];
    highs[0] = x[i] > highs[0] ? x[i] : highs[0];
  }
  for (int j = 0; j < kLanes; ++j) {
    low = lows[j] < low ? lows[j] : low;
    high = highs[j] > high ? highs[j] : high;
  }
}

}  // namespace
}  // namespace octet::kernels
