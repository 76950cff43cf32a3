// Float functions over contiguous memory: one portable source, compiled once for each instruction set.
// All of them give the same bits: fused products are said as such, sums in a fixed order.
//
//   kernels::math().sigmoid(x, y, count);
#pragma once

#include <cstdint>

namespace octet::kernels {

/// y[i] = f(x[i]) for i < count; y may be x itself, but not overlap it otherwise.
using MathMap = void (*)(const float* x, float* y, std::int64_t count);

/// y[i] = f(a[i], b[i]) for i < count; y may be a or b, but not overlap them otherwise.
using MathPairs = void (*)(const float* a, const float* b, float* y, std::int64_t count);

/// Errors are bounds measured over all magnitudes, in units in the last place of the result (ulp) where not
/// said otherwise. NaN gives NaN.
struct MathTable {
  const char* isa;  ///< "scalar", "avx2", "avx512"

  MathMap exp;      ///< e^x                             1 ulp; subnormal results included
  MathMap sigmoid;  ///< 1 / (1 + e^-x)                  3 ulp
  MathMap tanh;     ///< tanh(x)                         2 ulp
  MathMap erf;      ///< 2 / sqrt(pi) int_0^x e^-t^2 dt  2 ulp
  MathMap silu;     ///< x / (1 + e^-x)                  4 ulp
  MathMap mish;     ///< x tanh(log(1 + e^x))            6 ulp
  MathMap gelu;     ///< x/2 (1 + erf(x / sqrt 2))       2^-22 |x|
  /// gelu, and its range: low and high are lowered and raised to hold y; NaN is passed over.
  void (*gelu_with_range)(const float* x, float* y, std::int64_t count, float& low, float& high);
  /// x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))      2^-22 |x|
  MathMap gelu_tanh;

  MathPairs add, multiply;

  /// max x[i]; -infinity if count is 0; NaN if any is.
  float (*maximum)(const float* x, std::int64_t count);
  /// y[i] = x[i] * factor + z[i] in one rounding, z left out: 0; returns the maximum of y. y may be x.
  float (*scaled_maximum)(const float* x, float factor, const float* z, float* y, std::int64_t count);
  /// sum x[i]
  double (*sum)(const float* x, std::int64_t count);
  /// sum (x[i] - mean)^2
  double (*squared_distance)(const float* x, float mean, std::int64_t count);
  /// y[i] = e^(x[i] - shift); returns their sum. y may be x.
  double (*exp_shifted)(const float* x, float shift, float* y, std::int64_t count);
  /// y[i] = y[i] * factor
  void (*scale)(float* y, float factor, std::int64_t count);
  /// y[i] = (x[i] - mean) * factor * weight[i] + bias[i]; bias may be null. y may be x.
  void (*normalize)(const float* x, float mean, float factor, const float* weight, const float* bias, float* y,
                    std::int64_t count);
  /// Rows of `count` numbers, one after another, each normalized by its own mean and variance:
  ///   mean = sum x[i] / count, variance = sum (x[i] - float(mean))^2 / count, both in double;
  ///   y = normalize(x, mean, 1 / sqrt(variance + epsilon), weight, bias)
  void (*layer_norm)(const float* x, std::int64_t rows, std::int64_t count, double epsilon, const float* weight,
                     const float* bias, float* y);
};

/// The best table that this machine and OCTET_ISA allow.
const MathTable& math();
/// Every table that this machine can run, best first: i = 0, 1, ...; nullptr after the last.
const MathTable* math_table(int i);

}  // namespace octet::kernels
