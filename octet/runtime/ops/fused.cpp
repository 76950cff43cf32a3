#include "octet/runtime/ops/fused.h"

#include <algorithm>
#include <map>

#include "octet/kernels/layout/layout.h"
#include "octet/ops/window.h"

namespace octet::runtime {
namespace {

using kernels::Activation;
using kernels::Cell;

Tensor transposed(const Tensor& tensor, const Shape& shape, const kernels::TransposeShape& how, ThreadPool& threads) {
  Tensor out(tensor.dtype(), shape);
  if (size_of(tensor.dtype()) == 1) {
    kernels::transpose_bytes(how, tensor.raw(), out.raw(), threads);
  } else {
    kernels::transpose_words(how, tensor.raw(), out.raw(), threads);
  }
  return out;
}

}  // namespace

Activation parse_activation(const std::string& name) {
  static const std::map<std::string, Activation> names = {{"none", Activation::none},
                                                          {"relu", Activation::relu},
                                                          {"clamp", Activation::clamp},
                                                          {"leaky_relu", Activation::leaky_relu},
                                                          {"hard_sigmoid", Activation::hard_sigmoid},
                                                          {"hard_swish", Activation::hard_swish},
                                                          {"gelu", Activation::curve}};
  const auto it = names.find(name);
  if (it == names.end()) throw Error(ErrorKind::internal, "unknown activation in a lowered graph").value(name);
  return it->second;
}

void EpilogueSpec::read(const Node& node, std::int64_t columns) {
  const Attributes& a = node.attributes;
  fixed.activation = parse_activation(a.text("activation", "none"));
  fixed.alpha = a.real("alpha", 0);
  fixed.beta = a.real("beta", 0);
  fixed.after_scale = a.real("after_scale", fixed.after_scale);
  fixed.after_shift = a.real("after_shift", fixed.after_shift);
  fixed.residual_stride = columns;
  fixed.out_stride = columns;
  if (a.has("r_scale")) {
    fixed.residual_type = Cell::u8;
    fixed.residual_scale = a.real("r_scale", 1);
    fixed.residual_zero_point = static_cast<std::int32_t>(a.integer("r_zero"));
  }
  quantized_output = a.has("y_scale");
  if (quantized_output) {
    fixed.out_type = Cell::u8;
    y_scale = a.real("y_scale", 1);
    fixed.inv_scale = 1.0f / y_scale;
    fixed.zero_point = static_cast<std::int32_t>(a.integer("y_zero"));
    if (a.has("table")) table = a.tensor("table");
    fixed.lookup = table.defined() ? table.data<std::uint8_t>() : nullptr;
  }
}

void EpilogueSpec::set_bias(const Tensor* bias, std::int64_t columns) {
  if (bias == nullptr || !bias->defined()) return;
  const bool one = bias->elements() == 1;
  for (std::int64_t n = 0; n < columns; ++n) {
    const auto i = static_cast<std::size_t>(one ? 0 : n);
    if (bias->dtype() == DType::i32) {
      bias_s32.push_back(bias->values<std::int32_t>()[i]);
    } else {
      bias_f32.push_back(bias->values<float>()[i]);
    }
  }
  fixed.bias_s32 = bias_s32.empty() ? nullptr : bias_s32.data();
  fixed.bias_f32 = bias_f32.empty() ? nullptr : bias_f32.data();
}

void EpilogueSpec::set_scale(float x_scale, const Tensor& w_scale, std::int64_t columns) {
  const auto scales = w_scale.values<float>();
  for (std::int64_t n = 0; n < columns; ++n) {
    scale.push_back(x_scale * scales[scales.size() == 1 ? 0 : static_cast<std::size_t>(n)]);
  }
  fixed.scale = scale.data();
}

// Sums come in steps of the curve, and it gives steps of the output.
void EpilogueSpec::fold_curve() {
  for (float& s : scale) s *= kernels::kGeluCurveSteps;
  if (bias_f32.empty()) bias_f32.assign(scale.size(), 0.0f);
  for (float& b : bias_f32) b = b * kernels::kGeluCurveSteps + kernels::kGeluCurveShift;
  fixed.bias_f32 = bias_f32.data();
  for (const auto& term : kernels::kGeluCurve) {
    for (const float c : term) curve.push_back(c / y_scale);
  }
  fixed.curve = curve.data();
  fixed.inv_scale = 1;
}

void EpilogueSpec::fold_output_scale(bool has_residual) {
  if (fixed.activation == Activation::curve) return fold_curve();
  if (!quantized_output || has_residual || fixed.bias_f32 != nullptr || !kernels::only_limits(fixed)) return;
  for (float& s : scale) s /= y_scale;
  fixed.alpha /= y_scale;
  fixed.beta /= y_scale;
  fixed.inv_scale = 1;
}

kernels::Epilogue EpilogueSpec::bind(const Tensor* residual, Tensor& out, std::int64_t columns) const {
  kernels::Epilogue epilogue = fixed;
  epilogue.residual = residual != nullptr && residual->defined() ? residual->raw() : nullptr;
  epilogue.out = out.raw();
  epilogue.out_stride = columns;
  epilogue.residual_stride = columns;
  return epilogue;
}

kernels::ConvShape conv_shape(const Node& node, const Shape& x, const Shape& weights) {
  const int rank = x.rank();
  const std::int64_t groups = node.attributes.integer("group", 1);
  if (weights.rank() != rank || groups < 1 || weights[1] * groups != x.back() || weights[0] % groups != 0) {
    throw Error(ErrorKind::bad_input, "the weights do not fit the input of a convolution")
        .value(to_string(x) + " and " + to_string(weights));
  }
  SymbolicShape image{x[0], x.back()};
  for (int i = 1; i + 1 < rank; ++i) image.push_back(x[i]);
  const SymbolicShape kernel = symbolic(weights);
  const ops::Window window = ops::sliding_window(node.attributes, image, &kernel);
  // With one spatial dimension, that is the width.
  const std::size_t width = rank == 4 ? 1 : 0;
  kernels::ConvShape out{.batch = x[0], .in_channels = x.back(), .out_channels = weights[0], .groups = groups};
  out.in_width = window.input[width];
  out.out_width = window.output[width];
  out.kernel_width = window.kernel[width];
  out.stride_w = window.stride[width];
  out.dilation_w = window.dilation[width];
  out.pad_left = window.pad_begin[width];
  if (rank == 3) return out;
  out.in_height = window.input[0];
  out.out_height = window.output[0];
  out.kernel_height = window.kernel[0];
  out.stride_h = window.stride[0];
  out.dilation_h = window.dilation[0];
  out.pad_top = window.pad_begin[0];
  return out;
}

Shape conv_output(const kernels::ConvShape& conv, int rank) {
  if (rank == 3) return {conv.batch, conv.out_width, conv.out_channels};
  return {conv.batch, conv.out_height, conv.out_width, conv.out_channels};
}

Tensor to_channels_last(const Tensor& tensor, ThreadPool& threads) {
  const Shape& from = tensor.shape();
  Shape to{from[0]};
  for (int i = 2; i < from.rank(); ++i) to.push_back(from[i]);
  to.push_back(from[1]);
  return transposed(tensor, to, {.batch = from[0], .rows = from[1], .columns = from.elements(2, from.rank())}, threads);
}

Tensor to_channels_first(const Tensor& tensor, ThreadPool& threads) {
  const Shape& from = tensor.shape();
  Shape to{from[0], from.back()};
  for (int i = 1; i + 1 < from.rank(); ++i) to.push_back(from[i]);
  return transposed(tensor, to, {.batch = from[0], .rows = from.elements(1, from.rank() - 1), .columns = from.back()},
                    threads);
}

void evaluate_by_preparing(EvalContext& ctx, std::unique_ptr<PreparedStep> (*prepare)(const PrepareContext&)) {
  Node node = ctx.node();
  const bool transposes = node.attributes.integer("channels_last", 1) == 0;
  const std::vector<int>& images = find_runtime_op(node)->images;
  const int image_outputs = find_runtime_op(node)->image_outputs;
  node.attributes.set("channels_last", std::int64_t{1});
  std::vector<Tensor> inputs, outputs(node.outputs.size());
  PackCache cache;
  PrepareContext prepare_ctx{.node = node,
                             .opset = ctx.opset(),
                             .constants = {},
                             .inputs = {},
                             .outputs = {},
                             .input_types = {},
                             .output_types = {},
                             .cache = cache,
                             .threads = ctx.threads().size()};
  for (int i = 0; i < ctx.input_count(); ++i) {
    const bool image = std::find(images.begin(), images.end(), i) != images.end();
    inputs.push_back(transposes && image && ctx.has_input(i) ? to_channels_last(ctx.input(i), ctx.threads())
                                                             : ctx.input(i));
  }
  for (const Tensor& tensor : inputs) {
    prepare_ctx.constants.push_back(tensor.defined() ? &tensor : nullptr);
    prepare_ctx.inputs.push_back(tensor.defined() ? std::optional(tensor.shape()) : std::nullopt);
    prepare_ctx.input_types.push_back(tensor.dtype());
  }
  prepare_ctx.outputs.resize(outputs.size());
  prepare_ctx.output_types.assign(outputs.size(), DType::undefined);
  const auto step = prepare(prepare_ctx);
  if (!step) throw ctx.error(ErrorKind::unsupported, "this form of the operator cannot be run");
  Tensor scratch(DType::u8, {step->scratch_bytes()});
  EvalContext inner(node, ctx.opset(), inputs, outputs, ctx.threads());
  inner.scratch = scratch.data<std::uint8_t>();
  step->run(inner);
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    if (!outputs[k].defined()) continue;
    ctx.set_output(static_cast<int>(k), transposes && static_cast<int>(k) < image_outputs
                                            ? to_channels_first(outputs[k], ctx.threads())
                                            : outputs[k]);
  }
}

}  // namespace octet::runtime
