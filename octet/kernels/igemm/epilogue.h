// What happens to a tile of sums between the registers and the output tensor. The int8 and the float
// kernels, dense and depthwise, share this one description.
//
//   Epilogue relu_to_u8{.scale = scales, .activation = Activation::relu,
//                       .out = y, .out_stride = n, .out_type = Cell::u8,
//                       .inv_scale = 1 / y_scale, .zero_point = 3};
#pragma once

#include <cstdint>

#include "octet/kernels/math/gelu_curve.h"

namespace octet::kernels {

enum class Activation : std::uint8_t { none, relu, clamp, leaky_relu, hard_sigmoid, hard_swish, curve };

enum class Cell : std::uint8_t { u8, s8, f32, s32 };

/// For row m and column n of a sum, every step rounded to float (no fused multiply-add):
///   s32 sums:  s = sum + bias_s32[n] - weight_zero_point[n] * row_sum[m]     (modulo 2^32)
///              v = float(s) * scale[n], or (float(s) * row_scale[m]) * scale[n]
///   f32 sums:  v = sum
///   then       v = v + bias_f32[n]
///              v = v + r, r = residual[m][n] or float(int(residual[m][n]) - residual_zero_point) * residual_scale
///              v = activation(v) * after_scale + after_shift
///   out f32:   v
///   out u8/s8: q = int(rint(max(min(v * inv_scale, qmax - zero_point), qmin - zero_point))) + zero_point,
///              ties to even, NaN gives qmax; then lookup[q & 255] where there is a table.
///   out s32:   s, of s32 sums only; nothing after s is applied.
/// v * inv_scale with inv_scale = float(1 / y_scale) is not ONNX's division v / y_scale: the two may
/// differ by one step where v / y_scale is within a rounding error of a tie. Integer outputs are the
/// same bits on every instruction set. A null array is a step left out.
/// Rows of `a` with zero points of their own: the kernel's is 0, row_sum holds those of the rows, and
/// weight_zero_point the sums of the weights' columns.
struct Epilogue {
  const std::int32_t* bias_s32 = nullptr;           ///< [N]
  const std::int32_t* weight_zero_point = nullptr;  ///< [N]; for asymmetric weights
  const std::int32_t* row_sum = nullptr;            ///< [M], sum of (a - zero point); null: the driver fills it in
  const float* scale = nullptr;                     ///< [N]; needed by s32 sums unless the output is s32
  const float* row_scale = nullptr;                 ///< [M]; of rows quantized one by one
  const float* bias_f32 = nullptr;                  ///< [N]
  const void* residual = nullptr;                   ///< [M][residual_stride], u8, s8 or f32
  std::int64_t residual_stride = 0;                 ///< elements from row to row
  Cell residual_type = Cell::f32;
  std::int32_t residual_zero_point = 0;
  float residual_scale = 1;
  /// relu: max(0, v). clamp: min(beta, max(alpha, v)). leaky_relu: v < 0 ? alpha * v : v.
  /// hard_sigmoid h(v): min(1, max(0, alpha * v + beta)). hard_swish: v * h(v). NaN stays NaN.
  Activation activation = Activation::none;
  /// curve: as gelu_curve.h says, v being its l; the first piece is constant, the last one linear.
  float alpha = 0, beta = 0;
  const float* curve = nullptr;                ///< [kCurveTerms][kCurvePieces]
  float after_scale = 1, after_shift = -0.0f;  ///< these change no bit
  void* out = nullptr;                         ///< [M][out_stride]; may be the residual itself
  std::int64_t out_stride = 0;                 ///< elements from row to row
  Cell out_type = Cell::f32;
  float inv_scale = 1;
  std::int32_t zero_point = 0;
  const std::uint8_t* lookup = nullptr;  ///< [256], indexed by the output byte: sigmoid, silu, gelu, ...
};

/// Whether what follows the sum (and residual) is nothing or limits: none, relu or clamp.
static inline bool only_limits(const Epilogue& e) {
  const bool limits =
      e.activation == Activation::none || e.activation == Activation::relu || e.activation == Activation::clamp;
  return limits && e.after_scale == 1 && e.after_shift == 0;
}

/// Of s32 sums: whether all that follows them is scale, bias_f32, a u8 residual, an activation, u8 output.
static inline bool ends_in_bytes(const Epilogue& e) {
  return e.out_type == Cell::u8 && e.row_scale == nullptr && e.weight_zero_point == nullptr &&
         (e.residual == nullptr || e.residual_type == Cell::u8) && e.inv_scale < __builtin_inff();
}

/// Whether nothing but inv_scale follows a hard swish, and no bias_f32 or residual comes before it.
static inline bool only_hard_swish(const Epilogue& e) {
  return e.activation == Activation::hard_swish && e.after_scale == 1 && e.after_shift == 0 && e.bias_f32 == nullptr &&
         e.residual == nullptr;
}

/// Of what ends_in_bytes: whether a curve gives the output's integers, and no residual comes before it.
static inline bool only_curve(const Epilogue& e) {
  return e.activation == Activation::curve && e.after_scale == 1 && e.after_shift == 0 && e.inv_scale == 1 &&
         e.residual == nullptr;
}

/// Of what ends_in_bytes and has only_limits: whether one multiplication, by scale, makes the sum its byte.
static inline bool scales_to_bytes(const Epilogue& e) {
  return e.bias_f32 == nullptr && e.residual == nullptr && e.inv_scale == 1;
}

/// Whether whatever the sums of columns [n, n + columns) are, what is rounded is below 2^31: no guard is needed.
static inline bool stays_in_s32(const Epilogue& e, std::int64_t n, std::int64_t columns) {
  // A curve is linear for what is large.
  const float slope = e.activation == Activation::curve ? e.curve[kCurvePieces + kCurvePieces / 2 - 1] : 1;
  const float after = __builtin_fabsf(e.after_scale * e.inv_scale * slope);
  bool stays = 255 * __builtin_fabsf(e.residual_scale) * after <= 0x1p27f;
  stays &= __builtin_fabsf(e.after_shift * e.inv_scale) <= 0x1p27f;
  for (std::int64_t c = 0; c < columns; ++c) stays &= __builtin_fabsf(e.scale[n + c]) * after <= 0.25f;
  for (std::int64_t c = 0; c < columns && e.bias_f32 != nullptr; ++c)
    stays &= __builtin_fabsf(e.bias_f32[n + c]) * after <= 0x1p27f;
  return stays;
}

/// A tile of sums: of the rows m[0..rows) of the output, the columns from n on.
struct TileSpan {
  const std::int64_t* m = nullptr;
  std::int64_t n = 0;
  int rows = 0, columns = 0;
};

}  // namespace octet::kernels
