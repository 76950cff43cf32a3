// MaxPool and AveragePool of channels-last images of one or two spatial dimensions, f32 or u8.
//   attributes of ONNX's operators, `global` 1 for one window over all; u8 averages have x_scale, x_zero, y_scale,
//   y_zero: y = clamp(rint(mean(x - x_zero) * x_scale / y_scale) + y_zero), rounded as kernels::AverageU8 says
#include "octet/kernels/pool/pool.h"

#include "octet/ops/pool.h"
#include "octet/runtime/ops/fused.h"
#include "octet/runtime/ops/pool_shape.h"

namespace octet::runtime {
namespace {

SymbolicShape channels_first(const Shape& x) {
  SymbolicShape out{x[0], x.back()};
  for (int i = 1; i + 1 < x.rank(); ++i) out.push_back(x[i]);
  return out;
}

kernels::PoolShape global_shape(const Shape& x) {
  kernels::PoolShape out{.batch = x[0], .in_width = x.elements(1, x.rank() - 1), .channels = x.back()};
  out.kernel_width = out.in_width;
  return out;
}

kernels::PoolShape window_shape(const Node& node, const Shape& x) {
  const ops::Window window = ops::pool_window(node.attributes, channels_first(x));
  const std::size_t width = x.rank() == 4 ? 1 : 0;  // with one spatial dimension, that is the width
  kernels::PoolShape out{.batch = x[0],
                         .in_width = window.input[width],
                         .out_width = window.output[width],
                         .channels = x.back(),
                         .kernel_width = window.kernel[width],
                         .stride_w = window.stride[width],
                         .dilation_w = window.dilation[width],
                         .pad_left = window.pad_begin[width],
                         .count_padding = node.attributes.integer("count_include_pad", 0) != 0,
                         .pad_right = window.pad_end[width]};
  if (x.rank() == 3) return out;
  out.in_height = window.input[0];
  out.out_height = window.output[0];
  out.kernel_height = window.kernel[0];
  out.stride_h = window.stride[0];
  out.dilation_h = window.dilation[0];
  out.pad_top = window.pad_begin[0];
  out.pad_bottom = window.pad_end[0];
  return out;
}

}  // namespace

kernels::PoolShape pool_shape(const Node& node, const Shape& x) {
  return node.attributes.integer("global", 0) != 0 ? global_shape(x) : window_shape(node, x);
}

namespace {

class PoolStep : public PreparedStep {
 public:
  explicit PoolStep(const PrepareContext& ctx) : average_(ctx.node.op_type == "AveragePool"), output_(*ctx.inputs[0]) {
    const Attributes& a = ctx.node.attributes;
    shape_ = pool_shape(ctx.node, output_);
    if (output_.rank() == 4) output_[1] = shape_.out_height;
    output_[output_.rank() - 2] = shape_.out_width;
    params_ = {.in_zero_point = static_cast<std::int32_t>(a.integer("x_zero", 0)),
               .out_zero_point = static_cast<std::int32_t>(a.integer("y_zero", 0)),
               .multiplier = a.real("x_scale", 1) / a.real("y_scale", 1)};
  }

  void run(EvalContext& ctx) const override {
    const Tensor& x = ctx.input(0);
    Tensor& y = ctx.output(0, x.dtype(), output_);
    if (x.dtype() == DType::u8) {
      const auto* in = x.data<std::uint8_t>();
      auto* out = y.data<std::uint8_t>();
      average_ ? kernels::average_pool_u8(shape_, params_, in, out, ctx.threads())
               : kernels::max_pool_u8(shape_, in, out, ctx.threads());
    } else {
      const float* in = x.data<float>();
      float* out = y.data<float>();
      average_ ? kernels::average_pool_f32(shape_, in, out, ctx.threads())
               : kernels::max_pool_f32(shape_, in, out, ctx.threads());
    }
  }

  std::string kernel() const override { return std::string("pool ") + kernels::select_pool().name; }

 private:
  bool average_;
  Shape output_;
  kernels::PoolShape shape_;
  kernels::AverageU8 params_;
};

std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (ctx.node.attributes.integer("channels_last") == 0 || !ctx.inputs[0]) return nullptr;
  return std::make_unique<PoolStep>(ctx);
}

RuntimeOp row(const char* name) {
  OpDef def{.name = name, .domain = kDomain, .inputs = {1, 1}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare); };
  return {.def = def, .prepare = prepare, .images = {0}};
}

}  // namespace

std::vector<RuntimeOp> pool_ops() { return {row("MaxPool"), row("AveragePool")}; }

}  // namespace octet::runtime
