#include "octet/kernels/igemm/finish_reference.h"

#include <cmath>

namespace octet::kernels {
namespace {

// As the instructions minps and maxps: the second operand where either is NaN.
float lesser(float a, float b) noexcept { return a < b ? a : b; }
float greater(float a, float b) noexcept { return a > b ? a : b; }

float hard_sigmoid(const Epilogue& e, float v) noexcept { return lesser(1.0f, greater(0.0f, e.alpha * v + e.beta)); }

float curve(const float* table, float v) noexcept {
  // Any NaN has some piece.
  const float n = lesser(greater(-8.0f, std::nearbyint(v)), 7.0f);
  const int at = static_cast<int>(n) & (kCurvePieces - 1);
  float y = table[(kCurveTerms - 1) * kCurvePieces + at];
  for (int i = kCurveTerms - 2; i >= 0; --i) y = std::fma(y, v, table[i * kCurvePieces + at]);
  return y;
}

float activate(const Epilogue& e, float v) noexcept {
  switch (e.activation) {
    case Activation::none:
      return v;
    case Activation::relu:
      return greater(0.0f, v);
    case Activation::clamp:
      return lesser(e.beta, greater(e.alpha, v));
    case Activation::leaky_relu:
      return v < 0 ? e.alpha * v : v;
    case Activation::hard_sigmoid:
      return hard_sigmoid(e, v);
    case Activation::hard_swish:
      return v * hard_sigmoid(e, v);
    case Activation::curve:
      return curve(e.curve, v);
  }
  return v;
}

float residual_at(const Epilogue& e, std::int64_t at) noexcept {
  if (e.residual_type == Cell::f32) return static_cast<const float*>(e.residual)[at];
  const int q = e.residual_type == Cell::u8 ? int{static_cast<const std::uint8_t*>(e.residual)[at]}
                                            : int{static_cast<const std::int8_t*>(e.residual)[at]};
  return static_cast<float>(q - e.residual_zero_point) * e.residual_scale;
}

void store(const Epilogue& e, std::int64_t at, float v) noexcept {
  if (e.out_type == Cell::f32) {
    static_cast<float*>(e.out)[at] = v;
    return;
  }
  const int qmin = e.out_type == Cell::u8 ? 0 : -128;
  const float high = static_cast<float>(qmin + 255 - e.zero_point), low = static_cast<float>(qmin - e.zero_point);
  const float t = greater(lesser(v * e.inv_scale, high), low);
  auto q = static_cast<std::uint8_t>(static_cast<int>(std::nearbyint(t)) + e.zero_point);
  if (e.lookup != nullptr) q = e.lookup[q];
  static_cast<std::uint8_t*>(e.out)[at] = q;
}

// From v before bias_f32 to the output.
void finish_one(const Epilogue& e, float v, std::int64_t m, std::int64_t n) noexcept {
  if (e.bias_f32 != nullptr) v = v + e.bias_f32[n];
  if (e.residual != nullptr) v = v + residual_at(e, m * e.residual_stride + n);
  store(e, m * e.out_stride + n, activate(e, v) * e.after_scale + e.after_shift);
}

template <class Sum>
Sum without_weight_zero_point(const Epilogue& e, Sum sum, std::int64_t m, std::int64_t n) noexcept {
  if (e.weight_zero_point == nullptr) return sum;
  const std::int64_t part = std::int64_t{e.weight_zero_point[n]} * e.row_sum[m];
  return static_cast<Sum>(static_cast<std::uint64_t>(sum) - static_cast<std::uint64_t>(part));
}

template <class Sum>
void finish_integers(const Epilogue& e, const Sum* acc, int stride, const TileSpan& span) noexcept {
  for (int r = 0; r < span.rows; ++r) {
    for (int c = 0; c < span.columns; ++c) {
      const std::int64_t m = span.m[r], n = span.n + c;
      const Sum s = without_weight_zero_point(e, acc[r * stride + c], m, n);
      if (e.out_type == Cell::s32) {
        static_cast<std::int32_t*>(e.out)[m * e.out_stride + n] = static_cast<std::int32_t>(s);
        continue;
      }
      float v = static_cast<float>(s);
      if (e.row_scale != nullptr) v = v * e.row_scale[m];
      finish_one(e, v * e.scale[n], m, n);
    }
  }
}

}  // namespace

void finish_reference_s32(const Epilogue& e, const std::int32_t* acc, int stride, const TileSpan& span) noexcept {
  finish_integers(e, acc, stride, span);
}

void finish_reference_s64(const Epilogue& e, const std::int64_t* acc, int stride, const TileSpan& span) noexcept {
  finish_integers(e, acc, stride, span);
}

void finish_reference_f32(const Epilogue& e, const float* acc, int stride, const TileSpan& span) noexcept {
  for (int r = 0; r < span.rows; ++r) {
    for (int c = 0; c < span.columns; ++c) finish_one(e, acc[r * stride + c], span.m[r], span.n + c);
  }
}

}  // namespace octet::kernels
