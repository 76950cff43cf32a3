// The usual epilogue of int8 layers, s32 sums to u8: a relu, a clamp, a hard swish or none, and a residual in u8. The
// same bits as finish_reference.cpp with fewer steps. Multiplying by inv_scale keeps the order of floats,
// so the activation's limits, multiplied too, may be applied after it; the lower end of u8 is where
// instructions that narrow integers saturate. Included only by the files of one instruction set.
#pragma once

#include "octet/kernels/igemm/epilogue.h"
#include "octet/kernels/igemm/finish_any.h"

namespace octet::kernels {
namespace {

// What surrounds the activation of a scaled sum: nothing, as scales_to_bytes; inv_scale behind it; that and a residual
// before it; that and what else there may be but a residual; or all there may be.
enum class Extra { none, rescale, residual, no_residual, all };
// The activation, as far as it bites within the range of u8: at its lower end, at both, or a hard swish.
enum class Then { nothing, floor, limits, hard_swish };

template <class V>
struct ByteConstants {
  typename V::F32 inv_scale, low, high, most, residual_scale;
  typename V::S32 residual_zero_point, zero_point;
  Then then;

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
    const bool bites = first > static_cast<float>(-e.zero_point);
    then = last < end ? Then::limits : bites ? Then::floor : Then::nothing;
    if (e.activation == Activation::hard_swish) then = Then::hard_swish;
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
  typename V::F32 swish(typename V::F32 v) const { return V::mul(v, hard_sigmoid<V>(e, v)); }
  typename V::F32 after(typename V::F32 v) const { return V::add(V::mul(v, after_scale), after_shift); }
};

/// From a scaled sum with what came before the activation to its integer.
template <class V, Extra kExtra, Then kThen, bool kGuarded>
inline __attribute__((always_inline)) typename V::S32 to_integer(const ByteConstants<V>& k,
                                                                 const SwishConstants<V>& swish, typename V::F32 t) {
  if constexpr (kThen == Then::hard_swish) t = swish.swish(t);
  if constexpr (kThen == Then::hard_swish && kExtra >= Extra::no_residual) t = swish.after(t);
  if constexpr (kExtra != Extra::none) t = V::mul(t, k.inv_scale);
  if constexpr (kThen == Then::floor || kThen == Then::limits) t = V::greater(k.low, t);
  if constexpr (kThen == Then::limits) t = V::lesser(k.high, t);
  if constexpr (kGuarded) t = V::lesser(t, k.most);
  return V::round(t);
}

/// kVectors vectors of columns from column n on, the last of them with `last` columns where kRagged. Where not
/// kGuarded, no value is beyond the integers (stays_in_s32).
template <class V, int kVectors, Extra kExtra, Then kThen, bool kGuarded, bool kRagged>
struct ByteColumns {
  ByteConstants<V> k;
  SwishConstants<V> swish;
  typename V::F32 scale[kVectors], bias[kVectors];
  int last;

  inline __attribute__((always_inline)) ByteColumns(const Epilogue& e, const ByteConstants<V>& constants,
                                                    std::int64_t n, int columns)
      : k(constants), swish(e), last(columns) {
    for (int v = 0; v < kVectors; ++v) {
      scale[v] = V::load_some(e.scale + n + v * V::kLanes, count(v));
      // A missing bias is -0, which changes no bit.
      bias[v] = e.bias_f32 == nullptr ? V::set(-0.0f) : V::load_some(e.bias_f32 + n + v * V::kLanes, count(v));
    }
  }

  int count(int v) const { return kRagged && v == kVectors - 1 ? last : V::kLanes; }

  inline __attribute__((always_inline)) typename V::F32 with_residual(typename V::F32 t, const std::uint8_t* residual,
                                                                      int v) const {
    const auto other = V::load_some(residual + v * V::kLanes, count(v));
    return V::add(t, V::mul(V::to_f32(V::sub(other, k.residual_zero_point)), k.residual_scale));
  }

  /// Sums of vector v of columns to integers; `residual` is that row's, or null.
  inline __attribute__((always_inline)) typename V::S32 round(typename V::S32 sum, const std::uint8_t* residual,
                                                              int v) const {
    auto t = V::mul(V::to_f32(sum), scale[v]);
    if constexpr (kExtra >= Extra::no_residual) t = V::add(t, bias[v]);
    if constexpr (kExtra == Extra::residual) t = with_residual(t, residual, v);
    if constexpr (kExtra == Extra::all) {
      if (residual != nullptr) t = with_residual(t, residual, v);
    }
    return to_integer<V, kExtra, kThen, kGuarded>(k, swish, t);
  }

  /// Two rows of one or two vectors each, packed together; their residuals may be null.
  inline __attribute__((always_inline)) void finish_two(const typename V::S32 (&first)[kVectors],
                                                        const typename V::S32 (&second)[kVectors],
                                                        const std::uint8_t* first_residual,
                                                        const std::uint8_t* second_residual, std::uint8_t* first_out,
                                                        std::uint8_t* second_out) const {
    typename V::S32 q[2][kVectors];
    for (int v = 0; v < kVectors; ++v) q[0][v] = round(first[v], first_residual, v);
    for (int v = 0; v < kVectors; ++v) q[1][v] = round(second[v], second_residual, v);
    const auto bytes = kVectors == 1
                           ? V::pack_u8(q[0][0], q[1][0], q[0][0], q[1][0], k.zero_point)
                           : V::pack_u8(q[0][0], q[0][kVectors - 1], q[1][0], q[1][kVectors - 1], k.zero_point);
    V::template store_rows<kVectors>(first_out, second_out, bytes);
  }

  /// A row of sums to its bytes; `residual` is that row's, or null.
  inline __attribute__((always_inline)) void finish(const typename V::S32 (&sum)[kVectors],
                                                    const std::uint8_t* residual, std::uint8_t* out) const {
    typename V::S32 q[kVectors];
    for (int v = 0; v < kVectors; ++v) q[v] = round(sum[v], residual, v);
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
};

template <class V, int kVectors, Extra kExtra, Then kThen, bool kRagged>
void finish_byte_columns(const Epilogue& e, const ByteConstants<V>& k, const std::int32_t* acc, int stride,
                         const TileSpan& span, int c, int last) {
  const std::int64_t n = span.n + c;
  const ByteColumns<V, kVectors, kExtra, kThen, true, kRagged> columns(e, k, n, last);
  const auto* residual = static_cast<const std::uint8_t*>(e.residual);
  auto* const out = static_cast<std::uint8_t*>(e.out) + n;
  for (int r = 0; r < span.rows; ++r, acc += stride) {
    const std::int64_t m = span.m[r];
    typename V::S32 sum[kVectors];
    for (int v = 0; v < kVectors; ++v) sum[v] = V::load(acc + c + v * V::kLanes);
    columns.finish(sum, residual == nullptr ? nullptr : residual + m * e.residual_stride + n, out + m * e.out_stride);
  }
}

template <class V, int kVectors, Extra kExtra, Then kThen>
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

template <class V, Extra kExtra, Then kThen>
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
    finish_byte_tile<V, Extra::all, Then::hard_swish>(e, acc, stride, span);
    return true;
  }
  if (!only_limits(e)) return false;
  const bool bites = ByteConstants<V>(e).then != Then::nothing;
  if (scales_to_bytes(e)) {
    bites ? finish_byte_tile<V, Extra::none, Then::limits>(e, acc, stride, span)
          : finish_byte_tile<V, Extra::none, Then::nothing>(e, acc, stride, span);
  } else {
    bites ? finish_byte_tile<V, Extra::all, Then::limits>(e, acc, stride, span)
          : finish_byte_tile<V, Extra::all, Then::nothing>(e, acc, stride, span);
  }
  return true;
}

}  // namespace
}  // namespace octet::kernels
