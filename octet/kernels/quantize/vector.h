// The loops of this family in vectors of four registers, for u8; signed results are the plain loop's. Included only by
// the files of one instruction set. A Vector is one of octet/kernels/simd.
#pragma once

#include "octet/kernels/quantize/loops.h"

namespace octet::kernels {
namespace {

// Four vectors as bytes: only the upper limit is taken in float, where NaN falls to it; saturating does the lower one.
template <class Vector, Rounding kRounding>
inline typename Vector::Bytes bytes_of(const float* x, typename Vector::F32 factor, typename Vector::F32 high,
                                       typename Vector::S32 zero_point) {
  typename Vector::S32 ints[4];
  for (int i = 0; i < 4; ++i) {
    const typename Vector::F32 v = Vector::load(x + i * Vector::kLanes);
    const typename Vector::F32 steps = kRounding == Rounding::divide ? Vector::div(v, factor) : Vector::mul(v, factor);
    ints[i] = Vector::round(Vector::lesser(steps, high));
  }
  return Vector::pack_u8(ints[0], ints[1], ints[2], ints[3], zero_point);
}

template <class Vector, Rounding kRounding>
void quantize_u8(const QuantizeParams& p, const float* x, std::int64_t count, std::uint8_t* y) {
  constexpr int kStep = 4 * Vector::kLanes;
  const auto factor = Vector::set(kRounding == Rounding::divide ? p.scale : 1.0f / p.scale);
  const auto high = Vector::set(static_cast<float>(255 - p.zero_point));
  const auto zero_point = Vector::set_s16(p.zero_point);
  std::int64_t i = 0;
  for (; i + kStep <= count; i += kStep) {
    Vector::template store_vectors<4>(y + i, bytes_of<Vector, kRounding>(x + i, factor, high, zero_point));
  }
  if (i < count) {
    float held[kStep] = {};
    for (std::int64_t k = 0; i + k < count; ++k) held[k] = x[i + k];
    Vector::store_some(y + i, bytes_of<Vector, kRounding>(held, factor, high, zero_point), static_cast<int>(count - i));
  }
}

template <class Vector>
void quantize_vector(const QuantizeParams& params, const float* x, std::int64_t count, std::uint8_t* y) noexcept {
  if (params.is_signed) return quantize_loop(params, x, count, y);
  return params.rounding == Rounding::divide ? quantize_u8<Vector, Rounding::divide>(params, x, count, y)
                                             : quantize_u8<Vector, Rounding::multiply>(params, x, count, y);
}

}  // namespace
}  // namespace octet::kernels
