// A product of float rows by constant weights: in float, or in int8 with each row quantized as it comes.
//
//   auto product = make_product({.weights = w, .n = n, .k = k, .k_stride = 1, .n_stride = k}, cache);
//   product->run(x, rows, epilogue, scratch, threads);    // out[m][n] = sum_k x[m][k] w[k][n], then epilogue
#pragma once

#include <memory>
#include <string>

#include "octet/kernels/igemm/igemm.h"
#include "octet/runtime/pack_cache.h"

namespace octet::runtime {

/// A matrix in a constant tensor: w[k][n] is element offset + k * k_stride + n * n_stride.
struct WeightView {
  const Tensor& weights;  ///< f32, or s8 for a dynamic product
  std::int64_t n = 1, k = 1, k_stride = 1, n_stride = 1, offset = 0;
  const Tensor* scale = nullptr;  ///< of s8 weights: f32 [1], or one an n from scale_offset on
  std::int64_t scale_offset = 0;
  bool per_tensor = false;  ///< of s8 weights: quantize all rows together, as DynamicQuantizeLinear does
  std::int64_t rows = 1;    ///< about how many rows a product will have
};

/// Rows of k bytes, one after another, each with a scale and zero point of its own (kernels::quantize_rows).
struct QuantizedRows {
  const std::uint8_t* bytes = nullptr;
  const float* scale = nullptr;
  const std::int32_t* zero_point = nullptr;
};

class Product {
 public:
  virtual ~Product() = default;
  /// Rows of x lie k numbers apart. `epilogue` needs no scales.
  virtual void run(const float* x, std::int64_t rows, const kernels::Epilogue& epilogue, std::uint8_t* scratch,
                   ThreadPool& threads) const = 0;
  /// The same of rows that are quantized already; of s8 weights without per_tensor only.
  virtual void run(const QuantizedRows& x, std::int64_t rows, const kernels::Epilogue& epilogue, std::uint8_t* scratch,
                   ThreadPool& threads) const = 0;
  virtual std::int64_t scratch_bytes(std::int64_t rows) const = 0;
  virtual std::int64_t packed_bytes() const = 0;
  virtual std::string kernel() const = 0;
};

/// Float for f32 weights. For s8 weights each row of x is quantized by its own range (kernels::quantize_rows):
///   out[m][n] = (sum over k of (q[m][k] - zero_point[m]) w[k][n]) * row_scale[m] * w_scale[n]
/// so a batch never changes a row's answer. With per_tensor the rows are quantized together:
///   out[m][n] = (sum over k of (q[m][k] - zero_point) w[k][n]) * (scale * w_scale[n])
std::unique_ptr<Product> make_product(const WeightView& view, PackCache& cache);

}  // namespace octet::runtime
