// Between float and eight bits: static, dynamic per tensor and dynamic per row.
//
//   quantize({.scale = 0.02f, .zero_point = 3}, x, count, y, pool);
//   quantize_rows(x, rows, k, k, y, scales, zero_points, pool);
//
// NaN gives the type's largest value; infinities saturate. Every instruction set gives the same bits.
#pragma once

#include <cstdint>
#include <span>

#include "octet/base/cpu.h"
#include "octet/base/threads.h"

namespace octet::kernels {

/// ONNX divides, torch multiplies by the inverse: they differ by a step near ties.
enum class Rounding : std::uint8_t { divide, multiply };

struct QuantizeParams {
  float scale = 1;  ///< finite, > 0
  std::int32_t zero_point = 0;
  bool is_signed = false;  ///< s8 for u8
  Rounding rounding = Rounding::divide;
};

/// y = clamp(rint(x / scale) + zero_point, qmin, qmax), or rint(x * float(1 / scale)); ties to even.
/// Source: ONNX QuantizeLinear; torch.quantize_per_tensor.
void quantize(const QuantizeParams& params, const float* x, std::int64_t count, void* y, ThreadPool& pool);
/// y = float(x - zero_point) * scale.
void dequantize(const QuantizeParams& params, const void* x, std::int64_t count, float* y, ThreadPool& pool);

/// Each row by its own range, widened to hold 0: scale[m] = (max - min) / 255,
///   zero_point[m] = clamp(rint(-min * float(1 / scale[m])), 0, 255),
///   y[m][k] = clamp(rint(x[m][k] * float(1 / scale[m])) + zero_point[m], 0, 255).
/// A row of zeros (or of subnormal scale) has scale and zero point 0. y is dense, x has `stride` elements from row to
/// row.
void quantize_rows(const float* x, std::int64_t rows, std::int64_t k, std::int64_t stride, std::uint8_t* y,
                   float* scale, std::int32_t* zero_point, ThreadPool& pool);

/// One such row.
void quantize_row(const float* x, std::int64_t k, std::uint8_t* y, float& scale, std::int32_t& zero_point);

/// The same where the range, widened to hold 0, is known: low <= 0 <= high.
void quantize_row(float low, float high, const float* x, std::int64_t k, std::uint8_t* y, float& scale,
                  std::int32_t& zero_point);

/// Parameters of ONNX DynamicQuantizeLinear for x: with the range widened to hold 0,
/// scale = (max - min) / 255, zero_point = clamp(rint(0 - min / scale), 0, 255); scale 1 where all is zero.
QuantizeParams dynamic_params(const float* x, std::int64_t count, ThreadPool& pool);

/// A row of the table: loops over contiguous elements.
struct QuantizeKernel {
  const char* name;
  Isa isa;
  void (*quantize)(const QuantizeParams& params, const float* x, std::int64_t count, std::uint8_t* y) noexcept;
  void (*dequantize)(const QuantizeParams& params, const std::uint8_t* x, std::int64_t count, float* y) noexcept;
  /// Least and greatest of x, `low` and `high`; NaN is passed over.
  void (*range)(const float* x, std::int64_t count, float& low, float& high) noexcept;
};

std::span<const QuantizeKernel* const> quantize_table();
const QuantizeKernel& select_quantize();

}  // namespace octet::kernels
