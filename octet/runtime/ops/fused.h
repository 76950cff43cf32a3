// What the fused runtime operators share: the attributes that say what happens to a sum before it is
// stored, and the form of a convolution.
//
//   activation, alpha, beta   as kernels::Epilogue has them ("relu", "clamp", ...) or "gelu"; absent: none
//   after_scale, after_shift  of what the activation gives; absent: 1 and -0
//   x_scale, x_zero           of the u8 input
//   r_scale, r_zero           of a u8 residual; absent: the residual is float
//   y_scale, y_zero           of the u8 output; absent: the output is float
//   table                     u8 [256]: what is stored in place of each u8 output; absent: itself
//   channels_last             1: images are [N, spatial..., C]; 0: [N, C, spatial...]
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "octet/kernels/igemm/igemm.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {

/// An epilogue without the pointers of a run.
struct EpilogueSpec {
  kernels::Epilogue fixed;                    ///< everything but out, residual and row arrays
  std::vector<float> scale, bias_f32, curve;  ///< what `fixed` points to
  std::vector<std::int32_t> bias_s32;
  Tensor table;
  bool quantized_output = false;
  float y_scale = 1;

  EpilogueSpec() = default;
  EpilogueSpec(const EpilogueSpec&) = delete;
  EpilogueSpec& operator=(const EpilogueSpec&) = delete;

  /// Activation, residual and output of `node`.
  void read(const Node& node, std::int64_t columns);
  /// A constant bias, s32 or f32, [N] or one number.
  void set_bias(const Tensor* bias, std::int64_t columns);
  /// scale[n] = x_scale * w_scale[n].
  void set_scale(float x_scale, const Tensor& w_scale, std::int64_t columns);
  /// Where nothing but limits stands between the sum and its byte: one multiplication, by x_scale * w_scale / y_scale,
  /// as ONNX's QLinearConv and QLinearMatMul have it. After the calls above.
  void fold_output_scale(bool has_residual);
  /// Of a gelu, which ends in bytes and has no residual: see kernels/math/gelu_curve.h.
  void fold_curve();
  DType output_type() const { return quantized_output ? DType::u8 : DType::f32; }
  /// With the addresses of a run; rows of `columns` numbers.
  kernels::Epilogue bind(const Tensor* residual, Tensor& out, std::int64_t columns) const;
};

/// The activation of that name; throws internal for an unknown one.
kernels::Activation parse_activation(const std::string& name);

/// Strides, pads and sizes of a channels-last convolution of one or two spatial dimensions, its output
/// size included (auto_pad resolved). `weights` is [out_channels][in_channels / groups][kernel...].
/// Throws bad_input where the shapes contradict each other.
kernels::ConvShape conv_shape(const Node& node, const Shape& x, const Shape& weights);
/// The output of such a convolution: [N, spatial..., C].
Shape conv_output(const kernels::ConvShape& conv, int rank);

/// eval of an operator that is only ever prepared: prepares for the tensors at hand and runs. Images
/// with channels_last 0 are transposed on the way in and out.
void evaluate_by_preparing(EvalContext& ctx, std::unique_ptr<PreparedStep> (*prepare)(const PrepareContext&));

/// [N, C, spatial...] as [N, spatial..., C], and back.
Tensor to_channels_last(const Tensor& tensor, ThreadPool& threads);
Tensor to_channels_first(const Tensor& tensor, ThreadPool& threads);

/// Packed weights.
struct Packed {
  Tensor data;
  std::int64_t bytes() const { return static_cast<std::int64_t>(data.bytes()); }
  const void* raw() const { return data.raw(); }
};

}  // namespace octet::runtime
