// The usual epilogue of int8 layers, s32 sums to u8: at most a relu or clamp, and a residual in u8. The
// same bits as finish_reference.cpp with fewer steps. Multiplying by inv_scale keeps the order of floats,
// so the activation's limits, multiplied too, may be applied after it; the lower end of u8 is where
// instructions that narrow integers saturate. Included only by the files of one instruction set.
#pragma once

#include "octet/kernels/igemm/epilogue.h"

namespace octet::kernels {
namespace {

template <class V>
struct ByteConstants {
  typename V::F32 inv_scale, low, high, most, residual_scale;
  typename V::S32 residual_zero_point, zero_point;
  bool limits;  // the activation bites within the range of u8

  explicit ByteConstants(const Epilogue& e) {
    const bool relu = e.activation == Activation::relu, clamp = e.activation == Activation::clamp;
    const float first = clamp ? e.alpha * e.inv_scale : relu ? 0.0f : -__builtin_inff();
    const float last = clamp ? e.beta * e.inv_scale : __builtin_inff(), end = static_cast<float>(255 - e.zero_point);
    inv_scale = V::set(e.inv_scale);
    low = V::set(first);
    high = V::set(last);
    most = V::set(end);
    residual_scale = V::set(e.residual_scale);
    residual_zero_point = V::set(e.residual_zero_point);
    zero_point = V::set_s16(e.zero_point);
    limits = first > static_cast<float>(-e.zero_point) || last < end;
  }
};

// kVectors vectors of columns from column c on, the last of them with `last` columns where kRagged.
template <class V, int kVectors, bool kExtra, bool kLimits, bool kRagged>
void finish_byte_columns(const Epilogue& e, const ByteConstants<V>& k, const std::int32_t* acc, int stride,
                         const TileSpan& span, int c, int last) {
  const std::int64_t n = span.n + c;
  const auto count = [&](int v) { return kRagged && v == kVectors - 1 ? last : V::kLanes; };
  typename V::F32 scale[kVectors], bias[kVectors];
  for (int v = 0; v < kVectors; ++v) {
    scale[v] = V::load_some(e.scale + n + v * V::kLanes, count(v));
    // A missing bias is -0, which changes no bit.
    bias[v] = e.bias_f32 == nullptr ? V::set(-0.0f) : V::load_some(e.bias_f32 + n + v * V::kLanes, count(v));
  }
  const auto* residual = static_cast<const std::uint8_t*>(e.residual);
  auto* out = static_cast<std::uint8_t*>(e.out) + span.m * e.out_stride + n;
  for (int r = 0; r < span.rows; ++r, acc += stride, out += e.out_stride) {
    typename V::S32 q[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      auto t = V::mul(V::to_f32(V::load(acc + c + v * V::kLanes)), scale[v]);
      if constexpr (kExtra) {
        t = V::add(t, bias[v]);
        if (residual != nullptr) {
          const auto other = V::load_some(residual + (span.m + r) * e.residual_stride + n + v * V::kLanes, count(v));
          t = V::add(t, V::mul(V::to_f32(V::sub(other, k.residual_zero_point)), k.residual_scale));
        }
        t = V::mul(t, k.inv_scale);
      }
      if constexpr (kLimits) t = V::lesser(k.high, V::greater(k.low, t));
      q[v] = V::round(V::lesser(t, k.most));
    }
    const auto bytes = V::pack_u8(q[0], q[kVectors > 1 ? 1 : 0], q[kVectors > 2 ? 2 : 0],
                                  q[kVectors > 3                   ? 3
                                    : kVectors > 1 && kVectors < 3 ? 1
                                                                   : 0],
                                  k.zero_point);
    if constexpr (kRagged) {
      V::store_some(out, bytes, (kVectors - 1) * V::kLanes + last);
    } else {
      V::template store_vectors<kVectors>(out, bytes);
    }
  }
}

template <class V, int kVectors, bool kExtra, bool kLimits>
void finish_byte_group(const Epilogue& e, const ByteConstants<V>& k, const std::int32_t* acc, int stride,
                       const TileSpan& span, int c) {
  const int left = span.columns - c, vectors = (left + V::kLanes - 1) / V::kLanes;
  if constexpr (kVectors > 1) {
    if (vectors < kVectors) return finish_byte_group<V, kVectors - 1, kExtra, kLimits>(e, k, acc, stride, span, c);
  }
  if (left >= kVectors * V::kLanes)
    return finish_byte_columns<V, kVectors, kExtra, kLimits, false>(e, k, acc, stride, span, c, V::kLanes);
  finish_byte_columns<V, kVectors, kExtra, kLimits, true>(e, k, acc, stride, span, c,
                                                          left - (kVectors - 1) * V::kLanes);
}

/// Of an epilogue that finishes_as_bytes, its table left out.
template <class V>
void finish_bytes(const Epilogue& e, const std::int32_t* acc, int stride, const TileSpan& span) {
  const ByteConstants<V> k(e);
  const bool extra = !scales_to_bytes(e);
  for (int c = 0; c < span.columns; c += 4 * V::kLanes) {
    if (extra) {
      k.limits ? finish_byte_group<V, 4, true, true>(e, k, acc, stride, span, c)
               : finish_byte_group<V, 4, true, false>(e, k, acc, stride, span, c);
    } else {
      k.limits ? finish_byte_group<V, 4, false, true>(e, k, acc, stride, span, c)
               : finish_byte_group<V, 4, false, false>(e, k, acc, stride, span, c);
    }
  }
}

}  // namespace
}  // namespace octet::kernels
