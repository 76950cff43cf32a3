// The loops of this family in plain C++, compiled once for each instruction set (the compiler makes the
// vectors). Included only by the files of one instruction set and by the reference.
#pragma once

#include "octet/kernels/fake_quant/fake_quant.h"

namespace octet::kernels {
namespace {

// Both comparisons are false for NaN, which so passes.
inline float clamp_level(float q, float qmin, float qmax) {
  q = q > qmax ? qmax : q;
  return q < qmin ? qmin : q;
}

std::int64_t forward_loop(const FakeQuantParams& params, const float* x, std::int64_t count, float* y) noexcept {
  const FakeQuantParams p = params;
  const float inverse = 1.0f / p.scale;
  std::int64_t clipped = 0;
  for (std::int64_t at = 0; at < count;) {
    // Counted in 32 bits, as wide as the floats.
    const std::int64_t end = count - at > (1 << 20) ? at + (1 << 20) : count;
    std::int32_t outside = 0;
    for (std::int64_t i = at; i < end; ++i) {
      const float q = __builtin_nearbyintf(x[i] * inverse) + p.zero_point;
      outside += static_cast<std::int32_t>(q < p.qmin) | static_cast<std::int32_t>(q > p.qmax);
      y[i] = (clamp_level(q, p.qmin, p.qmax) - p.zero_point) * p.scale;
    }
    clipped += outside;
    at = end;
  }
  return clipped;
}

void gradient_loop(const FakeQuantParams& params, const float* x, const float* dy, std::int64_t count,
                   float* dx) noexcept {
  const FakeQuantParams p = params;
  const float inverse = 1.0f / p.scale;
  for (std::int64_t i = 0; i < count; ++i) {
    const float q = __builtin_nearbyintf(x[i] * inverse) + p.zero_point;
    const float inside = q > p.qmax ? 0.0f : dy[i];
    dx[i] = q < p.qmin ? 0.0f : inside;
  }
}

// Sixteen running sums in a fixed order, so that every width of vector adds the same numbers.
LearnedSums learned_loop(const FakeQuantParams& params, const float* x, const float* dy, std::int64_t count,
                         float* dx) noexcept {
  constexpr int kLanes = 16;
  const FakeQuantParams p = params;
  const float inverse = 1.0f / p.scale;
  float scale_sums[kLanes] = {}, zero_sums[kLanes] = {};
  const auto one = [&](std::int64_t i, int lane) {
    const float q = __builtin_nearbyintf(x[i] * inverse + p.zero_point);  // added before rounding here, as torch does
    const bool below = q<p.qmin, above = q> p.qmax;
    const float y = (clamp_level(q, p.qmin, p.qmax) - p.zero_point) * p.scale;
    const float inside = (y - x[i]) * inverse;
    const float slope = below ? p.qmin - p.zero_point : above ? p.qmax - p.zero_point : inside;
    scale_sums[lane] += dy[i] * slope;
    zero_sums[lane] += below || above ? -dy[i] * p.scale : 0.0f;
    dx[i] = below || above ? 0.0f : dy[i];
  };
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int j = 0; j < kLanes; ++j) one(i + j, j);
  }
  for (int j = 0; i < count; ++i, ++j) one(i, j);
  LearnedSums sums;
  for (int j = 0; j < kLanes; ++j) {
    sums.scale += static_cast<double>(scale_sums[j]);
    sums.zero_point += static_cast<double>(zero_sums[j]);
  }
  return sums;
}

}  // namespace
}  // namespace octet::kernels
