#include "octet/runtime/ops/product.h"

#include "octet/kernels/igemm_f32/igemm_f32.h"
#include "octet/kernels/igemm_u8s8/igemm_u8s8.h"
#include "octet/runtime/ops/dynamic.h"
#include "octet/runtime/ops/fused.h"
#include "octet/runtime/ops/scratch.h"

namespace octet::runtime {
namespace {

kernels::GemmShape shape_of(const WeightView& view) {
  return {.m = view.rows, .n = view.n, .k = view.k, .b_k_stride = view.k_stride, .b_n_stride = view.n_stride};
}

std::string form_of(const char* family, const WeightView& view) {
  std::string text = family;
  for (const std::int64_t part : {view.n, view.k, view.k_stride, view.n_stride, view.offset})
    text += " " + std::to_string(part);
  return text;
}

const std::int8_t* weights_of(const WeightView& view) { return view.weights.data<std::int8_t>() + view.offset; }

std::vector<std::int32_t> column_sums(const WeightView& view) {
  std::vector<std::int32_t> sums;
  const std::int8_t* w = weights_of(view);
  for (std::int64_t n = 0; n < view.n; ++n) {
    std::int32_t sum = 0;
    for (std::int64_t k = 0; k < view.k; ++k) sum += w[k * view.k_stride + n * view.n_stride];
    sums.push_back(sum);
  }
  return sums;
}

class FloatProduct : public Product {
 public:
  FloatProduct(const WeightView& view, PackCache& cache)
      : gemm_(shape_of(view)), kernel_(kernels::select_igemm_f32(gemm_.n)) {
    packed_ = cache.get<Packed>(view.weights, form_of(kernel_.name, view), [&] {
      Packed packed{Tensor(DType::u8, {kernels::packed_bytes_f32(kernel_, gemm_)})};
      kernels::pack_gemm_f32(kernel_, gemm_, view.weights.data<float>() + view.offset, packed.data.raw());
      return packed;
    });
  }

  void run(const float* x, std::int64_t rows, const kernels::Epilogue& epilogue, std::uint8_t* scratch,
           ThreadPool& threads) const override {
    kernels::GemmShape gemm = gemm_;
    gemm.m = rows;
    kernels::gemm_f32(kernel_, gemm, x, packed_->raw(), epilogue, scratch, threads);
  }
  void run(const QuantizedRows&, std::int64_t, const kernels::Epilogue&, std::uint8_t*, ThreadPool&) const override {
    throw Error(ErrorKind::internal, "a product of floats got quantized rows");
  }

  std::int64_t scratch_bytes(std::int64_t rows) const override {
    kernels::GemmShape gemm = gemm_;
    gemm.m = rows;
    return kernels::scratch_bytes_f32(kernel_, gemm);
  }
  std::int64_t packed_bytes() const override { return packed_->bytes(); }
  std::string kernel() const override { return std::string("igemm_f32 ") + kernel_.name; }

 private:
  kernels::GemmShape gemm_;
  const kernels::IgemmKernel& kernel_;
  std::shared_ptr<const Packed> packed_;
};

class DynamicProduct : public Product {
 public:
  DynamicProduct(const WeightView& view, PackCache& cache)
      : gemm_(shape_of(view)),
        fit_(cache.get<kernels::NarrowFit>(view.weights, form_of("fit", view),
                                           [&] { return kernels::fit_u8s8(gemm_, weights_of(view)); })),
        kernel_(kernels::select_igemm_u8s8(gemm_, *fit_)),
        per_tensor_(view.per_tensor) {
    packed_ = cache.get<Packed>(view.weights, form_of(kernel_.name, view), [&] {
      Packed packed{Tensor(DType::u8, {kernels::packed_bytes_u8s8(kernel_, gemm_)})};
      kernels::pack_gemm_u8s8(kernel_, gemm_, weights_of(view), packed.data.raw());
      return packed;
    });
    const auto scales = view.scale->values<float>();
    for (std::int64_t n = 0; n < view.n; ++n) {
      scale_.push_back(scales[scales.size() == 1 ? 0 : static_cast<std::size_t>(view.scale_offset + n)]);
    }
    if (!per_tensor_) column_sums_ = column_sums(view);
  }

  // Scratch memory: the quantized rows; scales and zero points of rows, or scales of columns; what the kernel needs.
  void run(const float* x, std::int64_t rows, const kernels::Epilogue& epilogue, std::uint8_t* scratch,
           ThreadPool& threads) const override {
    auto* const scales = reinterpret_cast<float*>(scratch + quantized_bytes(rows));
    std::uint8_t* const rest = scratch + quantized_bytes(rows) + scales_bytes(rows);
    if (!per_tensor_) {
      auto* const zero_points = reinterpret_cast<std::int32_t*>(scales + rows);
      kernels::quantize_rows(x, rows, gemm_.k, gemm_.k, scratch, scales, zero_points, threads);
      return run({scratch, scales, zero_points}, rows, epilogue, rest, threads);
    }
    const kernels::QuantizeParams tensor = quantize_tensor(x, rows * gemm_.k, scratch, threads);
    for (std::size_t n = 0; n < scale_.size(); ++n) scales[n] = tensor.scale * scale_[n];
    kernels::Epilogue with_scales = epilogue;
    with_scales.scale = scales;
    multiply(scratch, rows, tensor.zero_point, with_scales, rest, threads);
  }

  void run(const QuantizedRows& x, std::int64_t rows, const kernels::Epilogue& epilogue, std::uint8_t* scratch,
           ThreadPool& threads) const override {
    if (per_tensor_) throw Error(ErrorKind::internal, "a product with one scale for all rows got a scale for each");
    kernels::Epilogue with_scales = epilogue;
    with_scales.scale = scale_.data();
    with_scales.row_scale = x.scale;
    with_scales.weight_zero_point = column_sums_.data();
    with_scales.row_sum = x.zero_point;
    multiply(x.bytes, rows, 0, with_scales, scratch, threads);
  }

  std::int64_t scratch_bytes(std::int64_t rows) const override {
    kernels::GemmShape gemm = gemm_;
    gemm.m = rows;
    return quantized_bytes(rows) + scales_bytes(rows) + kernels::scratch_bytes_u8s8(kernel_, gemm);
  }
  std::int64_t packed_bytes() const override { return packed_->bytes(); }
  std::string kernel() const override { return std::string("igemm_u8s8 ") + kernel_.name; }

 private:
  void multiply(const std::uint8_t* bytes, std::int64_t rows, int zero_point, const kernels::Epilogue& epilogue,
                std::uint8_t* scratch, ThreadPool& threads) const {
    kernels::GemmShape gemm = gemm_;
    gemm.m = rows;
    kernels::gemm_u8s8(kernel_, gemm, bytes, zero_point, packed_->raw(), epilogue, scratch, threads);
  }
  std::int64_t quantized_bytes(std::int64_t rows) const { return aligned(rows * gemm_.k); }
  std::int64_t scales_bytes(std::int64_t rows) const { return aligned(per_tensor_ ? gemm_.n * 4 : rows * 8); }

  kernels::GemmShape gemm_;
  std::shared_ptr<const kernels::NarrowFit> fit_;  // held for the cache
  const kernels::IgemmKernel& kernel_;
  bool per_tensor_;
  std::vector<float> scale_;
  std::vector<std::int32_t> column_sums_;
  std::shared_ptr<const Packed> packed_;
};

}  // namespace

std::unique_ptr<Product> make_product(const WeightView& view, PackCache& cache) {
  if (view.weights.dtype() == DType::i8) return std::make_unique<DynamicProduct>(view, cache);
  return std::make_unique<FloatProduct>(view, cache);
}

}  // namespace octet::runtime
