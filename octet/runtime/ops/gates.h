// Sigmoid and tanh for the gates of recurrent layers: loops over them vectorize. Within 2e-7 of the
// exact value; NaN stays NaN.
#pragma once

#include <bit>
#include <cstdint>

namespace octet::runtime {

/// e^x for x <= 0 (below -87: about 0). 2^n times a polynomial of degree 6 in the rest, |rest| <= ln(2)/2.
inline float exp_negative(float x) {
  x = x < -87.0f ? -87.0f : x;
  constexpr float kMagic = 12582912.0f;
  const float shifted = x * 1.44269504f + kMagic, n = shifted - kMagic;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.0f / 720;
  p = p * r + 1.0f / 120;
  p = p * r + 1.0f / 24;
  p = p * r + 1.0f / 6;
  p = p * r + 0.5f;
  p = p * r + 1.0f;
  p = p * r + 1.0f;
  const auto power = static_cast<std::uint32_t>(std::bit_cast<std::int32_t>(shifted) - 0x4b400000 + 127) << 23;
  return p * std::bit_cast<float>(power);
}

inline float sigmoid(float x) {
  const float e = exp_negative(x < 0 ? x : -x);  // in (0, 1]
  const float y = 1 / (1 + e);
  return x < 0 ? e * y : y;
}

inline float tanh_gate(float x) {
  const float e = exp_negative(x < 0 ? 2 * x : -2 * x);
  const float y = (1 - e) / (1 + e);
  return x < 0 ? -y : y;
}

}  // namespace octet::runtime
