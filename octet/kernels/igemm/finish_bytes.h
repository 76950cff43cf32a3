// The usual epilogue of int8 layers, s32 sums to u8: a relu, a clamp, a hard swish or none, and a residual in u8. The
// same bits as finish_reference.cpp with fewer steps. Multiplying by inv_scale keeps the order of floats,
// so the activation's limits, multiplied too, may be applied after it; the lower end of u8 is where
// instructions that narrow integers saturate. Included only by the files of one instruction set.
#pragma once

#include "octet/kernels/igemm/epilogue.h"
#include "octet/kernels/igemm/finish_any.h"

namespace octet::kernels {
namespace {

// What follows the sum, its bias and residual.
enum class Then { nothing, limits, hard_swish };

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

/// The constants of a hard swish in registers: bytes written to the output might else change them.
template <class V>
struct SwishConstants {
  Epilogue e;
  typename V::F32 after_scale, after_shift;

  explicit SwishConstants(const Epilogue& epilogue)
      : e{.alpha = epilogue.alpha, .beta = epilogue.beta},
        after_scale(V::set(epilogue.after_scale)),
        after_shift(V::set(epilogue.after_shift)) {}
  typename V::F32 operator()(typename V::F32 v) const {
    return V::add(V::mul(V::mul(v, hard_sigmoid<V>(e, v)), after_scale), after_shift);
  }
};

// kVectors vectors of columns from column c on, the last of them with `last` columns where kRagged.
template <class V, int kVectors, bool kExtra, Then kThen, bool kRagged>
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
  const SwishConstants<V> swish(e);
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
        if constexpr (kThen == Then::hard_swish) t = swish(t);
        t = V::mul(t, k.inv_scale);
      }
      if constexpr (kThen == Then::limits) t = V::lesser(k.high, V::greater(k.low, t));
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

template <class V, int kVectors, bool kExtra, Then kThen>
void finish_byte_group(const Epilogue& e, const ByteConstants<V>& k, const std::int32_t* acc, int stride,
                       const TileSpan& span, int c) {
  const int left = span.columns - c, vectors = (left + V::kLanes - 1) / V::kLanes;
  if constexpr (kVectors > 1) {
    if (vectors < kVectors) return finish_byte_group<V, kVectors - 1, kExtra, kThen>(e, k, acc, stride, span, c);
  }
  if (left >= kVectors * V::kLanes)
    return finish_byte_columns<V, kVectors, kExtra, kThen, false>(e, k, acc, stride, span, c, V::kLanes);
  finish_byte_columns<V, kVectors, kExtra, kThen, true>(e, k, acc, stride, span, c, left - (kVectors - 1) * V::kLanes);
}

template <class V, bool kExtra, Then kThen>
void finish_byte_tile(const Epilogue& e, const std::int32_t* acc, int stride, const TileSpan& span) {
  const ByteConstants<V> k(e);
  for (int c = 0; c < span.columns; c += 4 * V::kLanes)
    finish_byte_group<V, 4, kExtra, kThen>(e, k, acc, stride, span, c);
}

/// False, and nothing is done, where these are not all that follows the sums. The table is left out.
template <class V>
bool finish_bytes(const Epilogue& e, const std::int32_t* acc, int stride, const TileSpan& span) {
  if (!ends_in_bytes(e)) return false;
  if (e.activation == Activation::hard_swish) {
    finish_byte_tile<V, true, Then::hard_swish>(e, acc, stride, span);
    return true;
  }
  if (!only_limits(e)) return false;
  const bool limits = ByteConstants<V>(e).limits;
  if (scales_to_bytes(e)) {
    limits ? finish_byte_tile<V, false, Then::limits>(e, acc, stride, span)
           : finish_byte_tile<V, false, Then::nothing>(e, acc, stride, span);
  } else {
    limits ? finish_byte_tile<V, true, Then::limits>(e, acc, stride, span)
           : finish_byte_tile<V, true, Then::nothing>(e, acc, stride, span);
  }
  return true;
}

}  // namespace
}  // namespace octet::kernels
