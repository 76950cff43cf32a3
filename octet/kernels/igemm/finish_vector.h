// IgemmKernel::finish in vectors of any length. Whole vectors of the usual epilogues take a path in which
// what is done is known at compile time; the rest goes to finish_any.h. Included only by the files of
// one instruction set.
#pragma once

#include "octet/kernels/igemm/finish_any.h"
#include "octet/kernels/igemm/finish_bytes.h"
#include "octet/kernels/igemm/finish_curve.h"

namespace octet::kernels {
namespace {

enum class Limits { none, clamp, other };  // activations: clamp is also relu
struct NoResidual {};

template <class V>
struct Constants {
  typename V::F32 residual_scale, low, high, inv_scale, qmin, qmax;
  typename V::S32 residual_zero_point, zero_point;

  explicit Constants(const Epilogue& e) {
    const std::int32_t first = e.out_type == Cell::u8 ? 0 : -128;
    residual_scale = V::set(e.residual_scale);
    residual_zero_point = V::set(e.residual_zero_point);
    low = V::set(e.activation == Activation::clamp ? e.alpha : 0.0f);
    high = V::set(e.activation == Activation::clamp ? e.beta : __builtin_inff());
    inv_scale = V::set(e.inv_scale);
    qmin = V::set(static_cast<float>(first - e.zero_point));
    qmax = V::set(static_cast<float>(first + 255 - e.zero_point));
    zero_point = V::set(e.zero_point);
  }
};

// v before bias_f32; `zero` are the columns' weight zero points.
template <class V>
typename V::F32 scaled(const Epilogue& e, const std::int32_t* acc, typename V::F32 scale, typename V::S32 zero,
                       std::int64_t m) {
  auto sum = V::load(acc);
  if (e.weight_zero_point != nullptr) sum = V::sub(sum, V::mul(zero, V::set(e.row_sum[m])));
  auto v = V::to_f32(sum);
  if (e.row_scale != nullptr) v = V::mul(v, V::set(e.row_scale[m]));
  return V::mul(v, scale);
}
template <class V>
typename V::F32 scaled(const Epilogue&, const float* acc, typename V::F32, typename V::S32, std::int64_t) {
  return V::load(acc);
}

// v plus the residual at `offset`.
template <class V>
typename V::F32 add_residual(const Constants<V>&, typename V::F32 v, const NoResidual*, std::int64_t) {
  return v;
}
template <class V>
typename V::F32 add_residual(const Constants<V>&, typename V::F32 v, const float* r, std::int64_t offset) {
  return V::add(v, V::load(r + offset));
}
template <class V, class Byte>
typename V::F32 add_residual(const Constants<V>& k, typename V::F32 v, const Byte* r, std::int64_t offset) {
  return V::add(v, V::mul(V::to_f32(V::sub(V::load(r + offset), k.residual_zero_point)), k.residual_scale));
}

template <class V, Limits kLimits>
typename V::F32 limit(const Epilogue& e, const Constants<V>& k, typename V::F32 v) {
  if constexpr (kLimits == Limits::none) return v;
  if constexpr (kLimits == Limits::clamp) return V::lesser(k.high, V::greater(k.low, v));
  if constexpr (kLimits == Limits::other) return activate_and_rescale<V>(e, v);
}

template <class V>
void store_value(const Constants<V>&, typename V::F32 v, float* out) {
  V::store(out, v);
}
template <class V>
void store_value(const Constants<V>& k, typename V::F32 v, std::uint8_t* out) {
  const auto t = V::greater(V::lesser(V::mul(v, k.inv_scale), k.qmax), k.qmin);
  V::store(out, V::add(V::round(t), k.zero_point));
}

// Columns before `columns`, a multiple of V::kLanes. A missing bias is -0, which changes no bit.
template <class V, int kStride, Limits kLimits, class Sum, class Residual, class Out>
void finish_whole(const Epilogue& e, const Sum* acc, const Residual* residual, Out* out, const TileSpan& span,
                  int columns) {
  const Constants<V> k(e);
  for (int c = 0; c < columns; c += V::kLanes) {
    const std::int64_t n = span.n + c;
    const auto scale = e.scale == nullptr ? V::set(1.0f) : V::load(e.scale + n);
    const auto bias = e.bias_f32 == nullptr ? V::set(-0.0f) : V::load(e.bias_f32 + n);
    const auto zero = e.weight_zero_point == nullptr ? V::set(0) : V::load(e.weight_zero_point + n);
    for (int r = 0; r < span.rows; ++r) {
      const std::int64_t m = span.m[r];
      const auto v = V::add(scaled<V>(e, acc + r * kStride + c, scale, zero, m), bias);
      const auto w = add_residual<V>(k, v, residual, m * e.residual_stride + n);
      store_value<V>(k, limit<V, kLimits>(e, k, w), out + m * e.out_stride + n);
    }
  }
}

template <class V, int kStride, class Sum, class Residual, class Out>
void choose_limits(const Epilogue& e, const Sum* acc, const Residual* residual, Out* out, const TileSpan& span,
                   int columns) {
  if (!only_limits(e)) return finish_whole<V, kStride, Limits::other>(e, acc, residual, out, span, columns);
  if (e.activation == Activation::none)
    return finish_whole<V, kStride, Limits::none>(e, acc, residual, out, span, columns);
  finish_whole<V, kStride, Limits::clamp>(e, acc, residual, out, span, columns);
}

template <class V, int kStride, class Sum, class Out>
void choose_residual(const Epilogue& e, const Sum* acc, Out* out, const TileSpan& span, int columns) {
  if (e.residual == nullptr)
    return choose_limits<V, kStride>(e, acc, static_cast<const NoResidual*>(nullptr), out, span, columns);
  switch (e.residual_type) {
    case Cell::u8:
      return choose_limits<V, kStride>(e, acc, static_cast<const std::uint8_t*>(e.residual), out, span, columns);
    case Cell::s8:
      return choose_limits<V, kStride>(e, acc, static_cast<const std::int8_t*>(e.residual), out, span, columns);
    default:
      return choose_limits<V, kStride>(e, acc, static_cast<const float*>(e.residual), out, span, columns);
  }
}

template <class V>
void look_up(const Epilogue& e, const TileSpan& span, int columns) {
  V::look_up(e.lookup, static_cast<std::uint8_t*>(e.out) + span.n, e.out_stride, span.m, span.rows, columns);
}

template <class V, int kStride>
bool finish_as_bytes(const Epilogue& e, const std::int32_t* acc, const TileSpan& span) {
  if (ends_in_bytes(e) && only_curve(e)) {
    finish_curve<V, kStride>(e, acc, span);
  } else if (!finish_bytes<V>(e, acc, kStride, span)) {
    return false;
  }
  if (e.lookup != nullptr) look_up<V>(e, span, span.columns);
  return true;
}
template <class V, int kStride>
bool finish_as_bytes(const Epilogue&, const float*, const TileSpan&) {
  return false;
}

/// IgemmKernel::finish for sums acc[rows][kStride] of type Sum.
template <class V, class Sum, int kStride>
void finish(const Epilogue& e, const void* sums, const TileSpan& span) noexcept {
  const Sum* acc = static_cast<const Sum*>(sums);
  if (finish_as_bytes<V, kStride>(e, acc, span)) return;
  const bool usual = e.out_type != Cell::s32;
  const int whole = usual ? span.columns - span.columns % V::kLanes : 0;
  if (whole > 0) {
    if (e.out_type == Cell::f32) {
      choose_residual<V, kStride>(e, acc, static_cast<float*>(e.out), span, whole);
    } else {
      choose_residual<V, kStride>(e, acc, static_cast<std::uint8_t*>(e.out), span, whole);
      if (e.lookup != nullptr) look_up<V>(e, span, whole);
    }
  }
  if (whole < span.columns) finish_any<V, Sum, kStride>(e, acc, span, whole);
}

}  // namespace
}  // namespace octet::kernels
