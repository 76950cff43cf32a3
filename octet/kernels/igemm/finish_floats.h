// The usual epilogue with float output, a row of sums at a time: scales of columns and of rows, a bias, a residual in
// float, no activation, limits or a hard swish. The same steps as finish_reference.cpp in the same order, so the same
// bits. Included only by the files of one instruction set.
#pragma once

#include "octet/kernels/igemm/finish_bytes.h"

namespace octet::kernels {
namespace {

/// Whether sums have scales and zero points of their own by row.
enum class Rows { alike, own };

template <class V, int kVectors, Rows kRowsAre, bool kResidual, Then kThen>
struct FloatColumns {
  SwishConstants<V> swish;
  typename V::F32 scale[kVectors], bias[kVectors], low, high;
  typename V::S32 column_sum[kVectors];

  inline __attribute__((always_inline)) FloatColumns(const Epilogue& e, std::int64_t n) : swish(e) {
    low = V::set(e.activation == Activation::clamp ? e.alpha : 0.0f);
    high = V::set(e.activation == Activation::clamp ? e.beta : __builtin_inff());
    for (int v = 0; v < kVectors; ++v) {
      const std::int64_t at = n + v * V::kLanes;
      scale[v] = e.scale == nullptr ? V::set(1.0f) : V::load(e.scale + at);
      // A missing bias is -0, which changes no bit.
      bias[v] = e.bias_f32 == nullptr ? V::set(-0.0f) : V::load(e.bias_f32 + at);
      if constexpr (kRowsAre == Rows::own) column_sum[v] = V::load(e.weight_zero_point + at);
    }
  }

  inline __attribute__((always_inline)) typename V::F32 scaled(const Epilogue&, typename V::F32 sum, std::int64_t,
                                                               int) const {
    return sum;
  }
  inline __attribute__((always_inline)) typename V::F32 scaled(const Epilogue& e, typename V::S32 sum, std::int64_t m,
                                                               int v) const {
    if constexpr (kRowsAre == Rows::alike) return V::mul(V::to_f32(sum), scale[v]);
    const auto s = V::sub(sum, V::mul(column_sum[v], V::set(e.row_sum[m])));
    return V::mul(V::mul(V::to_f32(s), V::set(e.row_scale[m])), scale[v]);
  }

  /// Row m of the output, from column n on.
  template <class Sum>
  inline __attribute__((always_inline)) void finish(const Epilogue& e, const Sum (&sum)[kVectors], std::int64_t m,
                                                    std::int64_t n) const {
    float* out = static_cast<float*>(e.out) + m * e.out_stride + n;
    for (int v = 0; v < kVectors; ++v) {
      auto t = V::add(scaled(e, sum[v], m, v), bias[v]);
      if constexpr (kResidual) {
        t = V::add(t, V::load(static_cast<const float*>(e.residual) + m * e.residual_stride + n + v * V::kLanes));
      }
      if constexpr (kThen == Then::limits) t = V::lesser(high, V::greater(low, t));
      if constexpr (kThen == Then::hard_swish) t = swish.after(swish.swish(t));
      V::store(out + v * V::kLanes, t);
    }
  }
};

/// Whether FloatColumns does all that e asks for.
inline bool finishes_as_floats(const Epilogue& e) {
  const bool by_rows = e.row_scale != nullptr && e.weight_zero_point != nullptr;
  const bool known = only_limits(e) || (e.activation == Activation::hard_swish && e.residual == nullptr);
  return e.out_type == Cell::f32 && known && (e.residual == nullptr || e.residual_type == Cell::f32) &&
         (by_rows || (e.row_scale == nullptr && e.weight_zero_point == nullptr));
}

}  // namespace
}  // namespace octet::kernels
