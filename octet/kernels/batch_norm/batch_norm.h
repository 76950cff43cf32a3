// Batch normalization while training, on f32 rows of channels (an NHWC image is rows of pixels): what its forward and
// backward runs read once is read once.
//
//   batch_moments(x, rows, channels, mean, variance, scratch, pool);
//   scale_shift({.rows = rows, .channels = c, .x = x, .factor = a, .shift = b, .y = y, .relu = true}, pool);
//
// Sums run over pieces of kPieceRows rows, each in one order, and over the pieces in double: any number of threads
// gives the same bits.
#pragma once

#include <cstdint>
#include <span>

#include "octet/base/cpu.h"
#include "octet/base/threads.h"

namespace octet::kernels {

inline constexpr std::int64_t kPieceRows = 512;

/// Floats that the reductions need.
std::int64_t batch_norm_scratch(std::int64_t rows, std::int64_t channels);

/// mean[c] = sum over rows of x[r][c] / rows, variance[c] = sum of (x[r][c] - mean[c])^2 / rows, by Chan's formula over
/// the moments of the pieces.  Source: Chan, Golub, LeVeque 1979.
void batch_moments(const float* x, std::int64_t rows, std::int64_t channels, double* mean, double* variance,
                   float* scratch, ThreadPool& pool);

/// y[r][c] = relu?(x[r][c] * factor[c] + shift[c] + residual[r][c]); y may be x or the residual.
struct ScaleShift {
  std::int64_t rows = 0, channels = 0;
  const float *x = nullptr, *factor = nullptr, *shift = nullptr;
  const float* residual = nullptr;  ///< may be left out
  float* y = nullptr;
  bool relu = false;
};
void scale_shift(const ScaleShift& s, ThreadPool& pool);

/// dz[r][c] = dy[r][c], or with `y` (the output of a ReLU behind the norm) 0 where y[r][c] is not above 0.
struct NormGradient {
  std::int64_t rows = 0, channels = 0;
  const float *x = nullptr, *dy = nullptr;
  const float* y = nullptr;       ///< may be left out
  const float* center = nullptr;  ///< [channels], about the mean of x
  float* dz = nullptr;            ///< where dz is wanted itself; may be dy
  float* dx = nullptr;
};
/// sum_dz[c] = sum of dz, sum_dz_x[c] = sum of dz (x - center[c]).
void norm_gradient_sums(const NormGradient& g, double* sum_dz, double* sum_dz_x, float* scratch, ThreadPool& pool);
/// dx = a[c] dz + b[c] (x - center[c]) + k[c], and dz where it is wanted.
void norm_gradient_apply(const NormGradient& g, const float* a, const float* b, const float* k, ThreadPool& pool);

/// A row of the table: the same on rows [first, last).
struct BatchNormKernel {
  const char* name;
  Isa isa;
  /// mean[channels] and sum of squares about it, of the rows.
  void (*moments)(const float* x, std::int64_t rows, std::int64_t channels, float* mean, float* squares) noexcept;
  void (*scale_shift)(const ScaleShift& s, std::int64_t first, std::int64_t last) noexcept;
  void (*sums)(const NormGradient& g, std::int64_t first, std::int64_t last, float* sum, float* product) noexcept;
  void (*apply)(const NormGradient& g, const float* a, const float* b, const float* k, std::int64_t first,
                std::int64_t last) noexcept;
};

std::span<const BatchNormKernel* const> batch_norm_table();
const BatchNormKernel& select_batch_norm();

}  // namespace octet::kernels
