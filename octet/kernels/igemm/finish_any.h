// Any epilogue in vectors of any length, ragged or whole: the same steps as finish_reference.cpp in the
// same order, so the same bits. Included only by the files of one instruction set.
#pragma once

#include "octet/kernels/igemm/epilogue.h"
#include "octet/kernels/simd/curve.h"

namespace octet::kernels {
namespace {

template <class V>
typename V::F32 hard_sigmoid(const Epilogue& e, typename V::F32 v) {
  const auto line = V::add(V::mul(V::set(e.alpha), v), V::set(e.beta));
  return V::lesser(V::set(1.0f), V::greater(V::set(0.0f), line));
}

template <class V>
typename V::F32 curve(const float* table, typename V::F32 v) {
  typename V::F32 one[1] = {v};
  Curve<V>(table).apply(one);
  return one[0];
}

template <class V>
typename V::F32 activate(const Epilogue& e, typename V::F32 v) {
  switch (e.activation) {
    case Activation::none:
      return v;
    case Activation::relu:
      return V::greater(V::set(0.0f), v);
    case Activation::clamp:
      return V::lesser(V::set(e.beta), V::greater(V::set(e.alpha), v));
    case Activation::leaky_relu:
      return V::where_negative(v, V::mul(V::set(e.alpha), v));
    case Activation::hard_sigmoid:
      return hard_sigmoid<V>(e, v);
    case Activation::hard_swish:
      return V::mul(v, hard_sigmoid<V>(e, v));
    case Activation::curve:
      return curve<V>(e.curve, v);
  }
  return v;
}

template <class V>
typename V::F32 activate_and_rescale(const Epilogue& e, typename V::F32 v) {
  return V::add(V::mul(activate<V>(e, v), V::set(e.after_scale)), V::set(e.after_shift));
}

template <class V>
typename V::F32 residual_at(const Epilogue& e, std::int64_t at, int count) {
  if (e.residual_type == Cell::f32) return V::load_some(static_cast<const float*>(e.residual) + at, count);
  const auto q = e.residual_type == Cell::u8 ? V::load_some(static_cast<const std::uint8_t*>(e.residual) + at, count)
                                             : V::load_some(static_cast<const std::int8_t*>(e.residual) + at, count);
  return V::mul(V::to_f32(V::sub(q, V::set(e.residual_zero_point))), V::set(e.residual_scale));
}

template <class V>
void store_out(const Epilogue& e, std::int64_t at, typename V::F32 v, int count) {
  if (e.out_type == Cell::f32) return V::store_some(static_cast<float*>(e.out) + at, v, count);
  const std::int32_t qmin = e.out_type == Cell::u8 ? 0 : -128;
  const auto high = V::set(static_cast<float>(qmin + 255 - e.zero_point)),
             low = V::set(static_cast<float>(qmin - e.zero_point));
  const auto t = V::greater(V::lesser(V::mul(v, V::set(e.inv_scale)), high), low);
  std::uint8_t* out = static_cast<std::uint8_t*>(e.out) + at;
  V::store_low_bytes(out, V::add(V::round(t), V::set(e.zero_point)), count);
  if (e.lookup != nullptr) {
    for (int i = 0; i < count; ++i) out[i] = e.lookup[out[i]];
  }
}

// From v before bias_f32 to the output.
template <class V>
void finish_one(const Epilogue& e, typename V::F32 v, std::int64_t m, std::int64_t n, int count) {
  if (e.bias_f32 != nullptr) v = V::add(v, V::load_some(e.bias_f32 + n, count));
  if (e.residual != nullptr) v = V::add(v, residual_at<V>(e, m * e.residual_stride + n, count));
  store_out<V>(e, m * e.out_stride + n, activate_and_rescale<V>(e, v), count);
}

template <class V>
void finish_one(const Epilogue& e, typename V::S32 sum, std::int64_t m, std::int64_t n, int count) {
  if (e.weight_zero_point != nullptr) {
    sum = V::sub(sum, V::mul(V::load_some(e.weight_zero_point + n, count), V::set(e.row_sum[m])));
  }
  if (e.out_type == Cell::s32) {
    return V::store_some(static_cast<std::int32_t*>(e.out) + m * e.out_stride + n, sum, count);
  }
  auto v = V::to_f32(sum);
  if (e.row_scale != nullptr) v = V::mul(v, V::set(e.row_scale[m]));
  finish_one<V>(e, V::mul(v, V::load_some(e.scale + n, count)), m, n, count);
}

/// All of a tile from column `first` on.
template <class V, class Sum, int kStride>
void finish_any(const Epilogue& e, const Sum* acc, const TileSpan& span, int first) {
  for (int r = 0; r < span.rows; ++r) {
    for (int c = first; c < span.columns; c += V::kLanes) {
      const int left = span.columns - c, count = left < V::kLanes ? left : V::kLanes;
      finish_one<V>(e, V::load(acc + r * kStride + c), span.m[r], span.n + c, count);
    }
  }
}

}  // namespace
}  // namespace octet::kernels
