#include "octet/quant/params.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace octet::quant {
namespace {

constexpr float kTorchEpsilon = 0x1p-23F;

Affine choose_onnx(float low, float high, const Scheme& scheme) {
  double rmin = low, rmax = high;
  if (scheme.symmetric) {
    rmax = std::max(-rmin, rmax);
    rmin = -rmax;
  }
  const double scale = (rmax - rmin) / (double{1} * scheme.qmax - scheme.qmin);
  if (scale < static_cast<double>(std::numeric_limits<float>::min())) {
    return {1.0F, std::clamp(0, scheme.qmin, scheme.qmax)};
  }
  const double zero = scheme.symmetric ? (scheme.qmin + scheme.qmax) / 2.0 : scheme.qmin - rmin / scale;
  const auto zero_point = static_cast<std::int32_t>(std::nearbyint(zero));
  const float stored = std::min(static_cast<float>(scale), std::numeric_limits<float>::max());
  return {stored, std::clamp(zero_point, scheme.qmin, scheme.qmax)};
}

Affine choose_torch(float low, float high, const Scheme& scheme) {
  const auto levels = static_cast<float>(scheme.qmax - scheme.qmin);
  if (scheme.symmetric) {
    const float scale = std::max(std::max(-low, high) / (levels / 2), kTorchEpsilon);
    const bool full = scheme.qmax - scheme.qmin == 255;
    const std::int32_t middle = full ? 128 : (scheme.qmin + scheme.qmax) / 2;
    return {scale, scheme.dtype == DType::u8 ? middle : 0};
  }
  float scale = (high - low) / levels;
  if (!std::isfinite(scale)) scale = high / levels - low / levels;
  scale = std::max(scale, kTorchEpsilon);
  const auto offset = static_cast<std::int32_t>(std::nearbyint(low / scale));
  return {scale, std::clamp(scheme.qmin - offset, scheme.qmin, scheme.qmax)};
}

}  // namespace

Scheme activation_scheme(DType dtype, bool symmetric, bool reduce_range, Numerics numerics) {
  Scheme scheme{dtype, 0, 255, symmetric, numerics};
  const bool onnx = numerics == Numerics::onnx;
  if (dtype == DType::u8) {
    if (reduce_range) scheme.qmax = 127;
  } else {
    scheme.qmin = reduce_range ? -64 : onnx && symmetric ? -127 : -128;
    scheme.qmax = reduce_range ? (onnx ? 64 : 63) : 127;
  }
  return scheme;
}

Scheme weight_scheme(bool reduce_range, Numerics numerics) {
  return activation_scheme(DType::i8, true, reduce_range, numerics);
}

Affine choose_affine(Range range, const Scheme& scheme) {
  const float low = std::min(range.min, 0.0F), high = std::max(range.max, 0.0F);
  return scheme.numerics == Numerics::onnx ? choose_onnx(low, high, scheme) : choose_torch(low, high, scheme);
}

std::int32_t quantize_one(float x, Affine affine, const Scheme& scheme) {
  const float scaled = scheme.numerics == Numerics::onnx ? x / affine.scale : x * (1.0F / affine.scale);
  const float low = static_cast<float>(scheme.qmin - affine.zero_point);
  const float high = static_cast<float>(scheme.qmax - affine.zero_point);
  return static_cast<std::int32_t>(std::clamp(std::nearbyint(scaled), low, high)) + affine.zero_point;
}

float dequantize_one(std::int32_t q, Affine affine) { return static_cast<float>(q - affine.zero_point) * affine.scale; }

}  // namespace octet::quant
