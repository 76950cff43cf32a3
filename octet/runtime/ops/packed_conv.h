// A convolution by constant weights, float or int8, dense or depthwise: one front for the kernels.
#pragma once

#include <memory>
#include <string>

#include "octet/kernels/igemm/igemm.h"
#include "octet/runtime/pack_cache.h"

namespace octet::runtime {

class PackedConv {
 public:
  /// `weights` f32 or s8 [out_channels, in_channels / groups, kernel...]; kept packed in `cache`.
  PackedConv(const kernels::ConvShape& shape, const Tensor& weights, PackCache& cache);
  /// Float weights that come with each run, packed there (training: they change from step to step).
  explicit PackedConv(const kernels::ConvShape& shape);

  /// `in` f32, or u8 with its zero point. The epilogue's rows are pixels, its columns out_channels.
  void run(const void* in, int zero_point, const kernels::Epilogue& epilogue, void* scratch, ThreadPool& threads) const;
  /// The same by weights f32 in ONNX's order, for the second form.
  void run_with(const float* weights, const void* in, const kernels::Epilogue& epilogue, void* scratch,
                ThreadPool& threads) const;
  std::int64_t scratch_bytes() const;
  std::int64_t packed_bytes() const;
  std::string kernel() const;
  const kernels::ConvShape& shape() const { return shape_; }

 private:
  struct Family;
  static const Family& family_of(const kernels::ConvShape& shape, DType dtype);

  kernels::ConvShape shape_;
  const Family* family_;
  const kernels::IgemmKernel* kernel_;
  std::shared_ptr<const struct Packed> packed_;
};

}  // namespace octet::runtime
