// A convolution by constant weights, float or int8, dense or depthwise: one front for the kernels.
#pragma once

#include <memory>
#include <string>

#include "octet/kernels/igemm/conv_plan.h"
#include "octet/kernels/igemm/narrow.h"
#include "octet/runtime/pack_cache.h"

namespace octet::runtime {

class PackedConv {
 public:
  /// `weights` f32 or s8 [out_channels, in_channels / groups, kernel...]; kept packed in `cache`. Runs with so many
  /// `threads`, and of u8 with this zero point, take less time than others.
  PackedConv(const kernels::ConvShape& shape, const Tensor& weights, PackCache& cache, int threads, int zero_point = 0);
  /// Float weights that come with each run, packed there (training: they change from step to step). Large batches run
  /// a few images at a time, so that the padded copy of an image is still in the cache when it is read.
  PackedConv(const kernels::ConvShape& shape, int threads);

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
  kernels::ConvShape part_shape(std::int64_t images) const;
  std::int64_t part_scratch() const;
  std::int64_t loose_bytes() const;  ///< of weights packed in the run
  void run_parts(const void* in, const void* packed, const kernels::Epilogue& epilogue, bool winograd, char* scratch,
                 ThreadPool& threads) const;

  kernels::ConvShape shape_;
  const Family* family_;
  std::shared_ptr<const kernels::NarrowFit> fit_;  ///< of dense int8 weights; held for the cache
  const kernels::IgemmKernel* kernel_;
  std::shared_ptr<const struct Packed> packed_;
  std::shared_ptr<const kernels::PreparedConv> prepared_;  ///< of dense convolutions by constant weights
  int threads_ = 1;
  std::int64_t part_ = 0;  ///< images at a time; 0: all at once
  bool winograd_ = false;  ///< where the epilogue allows it
};

}  // namespace octet::runtime
