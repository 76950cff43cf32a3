// Conv, QConv and DynamicConv: a convolution with bias, residual, activation (and quantization) in one step.
//   Conv         x f32 image; w f32 [out, in / group, kernel...]; bias f32 [out] or none; residual f32 or none. Weights
//                that are not constant (training) are packed in each run.
//                y = activation(conv(x, w) + bias + residual)
//   QConv        x u8 image; w s8 constant; w_scale f32 [1] or [out] constant; bias i32 or f32 [out] or none;
//                residual u8 or f32 or none
//                s = sum((x - x_zero) * w) + bias_i32
//                v = activation(float(s) * (x_scale * w_scale) + bias_f32 + residual)
//                y = v, or clamp(rint(v / y_scale) + y_zero) as u8; EpilogueSpec::fold_output_scale where it can be
//   DynamicConv  x f32 image, each of the batch quantized as make_product says of a row, or all together with the
//                attribute per_tensor; then as QConv with f32 output
// Residuals have the output's shape. With attributes y_channels and y_at, the output has y_channels channels: those
// from y_at on are the convolution's, the others those of a last input `into`, whose memory the output takes over;
// without that input they are left for others to write.
#include <algorithm>
#include <cstring>

#include "octet/runtime/ops/dynamic.h"
#include "octet/runtime/ops/fused.h"
#include "octet/runtime/ops/packed_conv.h"
#include "octet/runtime/ops/scratch.h"

namespace octet::runtime {
namespace {

const Tensor* constant_at(const PrepareContext& ctx, std::size_t slot) {
  return slot < ctx.constants.size() ? ctx.constants[slot] : nullptr;
}

kernels::ConvShape shape_of(const PrepareContext& ctx) { return conv_shape(ctx.node, *ctx.inputs[0], *ctx.inputs[1]); }

// What the three have in common; `bias_slot` is followed by the residual's. `shape` is what is run at once.
class ConvStep : public PreparedStep {
 public:
  ConvStep(const PrepareContext& ctx, int bias_slot) : ConvStep(ctx, bias_slot, shape_of(ctx)) {}
  ConvStep(const PrepareContext& ctx, int bias_slot, const kernels::ConvShape& shape)
      : conv_(shape, *ctx.constants[1], ctx.cache, ctx.threads,
              static_cast<int>(ctx.node.attributes.integer("x_zero", 0))),
        output_(conv_output(shape_of(ctx), ctx.inputs[0]->rank())),
        residual_slot_(bias_slot + 1),
        at_(ctx.node.attributes.integer("y_at", 0)) {
    if (ctx.node.attributes.has("y_channels")) output_[output_.rank() - 1] = ctx.node.attributes.integer("y_channels");
    epilogue_.read(ctx.node, columns());
    epilogue_.set_bias(constant_at(ctx, static_cast<std::size_t>(bias_slot)), columns());
  }

  std::string kernel() const override { return conv_.kernel(); }
  std::int64_t scratch_bytes() const override { return conv_.scratch_bytes(); }
  std::int64_t packed_bytes() const override { return conv_.packed_bytes(); }

 protected:
  std::int64_t columns() const { return conv_.shape().out_channels; }
  kernels::Epilogue bind(EvalContext& ctx) const {
    Tensor& y = ctx.output(0, epilogue_.output_type(), output_);
    if (ctx.has_input(residual_slot_ + 1)) take_over(ctx.input(residual_slot_ + 1), y);
    kernels::Epilogue epilogue =
        epilogue_.bind(ctx.has_input(residual_slot_) ? &ctx.input(residual_slot_) : nullptr, y, columns());
    epilogue.out = static_cast<std::byte*>(y.raw()) + at_ * static_cast<std::int64_t>(size_of(y.dtype()));
    epilogue.out_stride = output_.back();
    return epilogue;
  }

  PackedConv conv_;
  Shape output_;
  EpilogueSpec epilogue_;
  int residual_slot_;
  std::int64_t at_;  // first channel of the output

 private:
  static void take_over(const Tensor& into, Tensor& y) {
    if (into.raw() != y.raw()) std::memcpy(y.raw(), into.raw(), y.bytes());
  }
};

class FloatConvStep : public ConvStep {
 public:
  explicit FloatConvStep(const PrepareContext& ctx) : ConvStep(ctx, 2) {}

  void run(EvalContext& ctx) const override { conv_.run(ctx.input(0).raw(), 0, bind(ctx), ctx.scratch, ctx.threads()); }
};

class LooseConvStep : public PreparedStep {
 public:
  explicit LooseConvStep(const PrepareContext& ctx)
      : conv_(conv_shape(ctx.node, *ctx.inputs[0], *ctx.inputs[1]), ctx.threads),
        output_(conv_output(conv_.shape(), ctx.inputs[0]->rank())) {
    epilogue_.read(ctx.node, conv_.shape().out_channels);
  }

  void run(EvalContext& ctx) const override {
    Tensor& y = ctx.output(0, DType::f32, output_);
    if (y.elements() == 0) return;
    kernels::Epilogue epilogue =
        epilogue_.bind(ctx.has_input(3) ? &ctx.input(3) : nullptr, y, conv_.shape().out_channels);
    if (ctx.has_input(2)) epilogue.bias_f32 = ctx.input(2).data<float>();
    conv_.run_with(ctx.input(1).data<float>(), ctx.input(0).raw(), epilogue, ctx.scratch, ctx.threads());
  }

  std::string kernel() const override { return conv_.kernel() + ", packed in the run"; }
  std::int64_t scratch_bytes() const override { return conv_.scratch_bytes(); }

 private:
  PackedConv conv_;
  Shape output_;
  EpilogueSpec epilogue_;
};

class QConvStep : public ConvStep {
 public:
  explicit QConvStep(const PrepareContext& ctx)
      : ConvStep(ctx, 3), zero_point_(static_cast<int>(ctx.node.attributes.integer("x_zero"))) {
    epilogue_.set_scale(ctx.node.attributes.real("x_scale", 1), *ctx.constants[2], columns());
    epilogue_.fold_output_scale(ctx.inputs.size() > 4 && ctx.inputs[4]);
  }

  void run(EvalContext& ctx) const override {
    conv_.run(ctx.input(0).raw(), zero_point_, bind(ctx), ctx.scratch, ctx.threads());
  }

 private:
  int zero_point_;
};

// Runs as many images at once as are quantized together: one, or the whole batch.
class DynamicConvStep : public ConvStep {
 public:
  explicit DynamicConvStep(const PrepareContext& ctx) : ConvStep(ctx, 3, at_once(ctx)), parts_(shape_of(ctx).batch) {
    epilogue_.set_scale(1, *ctx.constants[2], columns());
    const kernels::ConvShape& s = conv_.shape();
    per_tensor_ = is_per_tensor(ctx);
    if (per_tensor_) parts_ = 1;
    image_ = s.batch * s.in_height * s.in_width * s.in_channels;
    pixels_ = s.batch * s.out_height * s.out_width;
  }

  void run(EvalContext& ctx) const override {
    const float* x = ctx.input(0).data<float>();
    kernels::Epilogue epilogue = bind(ctx);
    auto* const scale = reinterpret_cast<float*>(ctx.scratch + aligned(image_));
    epilogue.scale = scale;
    for (std::int64_t i = 0; i < parts_; ++i) {
      const kernels::QuantizeParams params = quantize(x + i * image_, ctx);
      for (std::int64_t n = 0; n < columns(); ++n)
        scale[n] = params.scale * epilogue_.scale[static_cast<std::size_t>(n)];
      conv_.run(ctx.scratch, params.zero_point, epilogue, ctx.scratch + own_scratch(), ctx.threads());
      epilogue.out = static_cast<float*>(epilogue.out) + pixels_ * epilogue.out_stride;
      if (epilogue.residual == nullptr) continue;
      epilogue.residual = static_cast<const float*>(epilogue.residual) + pixels_ * epilogue.residual_stride;
    }
  }
  std::int64_t scratch_bytes() const override { return own_scratch() + conv_.scratch_bytes(); }

 private:
  static bool is_per_tensor(const PrepareContext& ctx) { return ctx.node.attributes.integer("per_tensor", 0) != 0; }
  static kernels::ConvShape at_once(const PrepareContext& ctx) {
    kernels::ConvShape shape = shape_of(ctx);
    if (!is_per_tensor(ctx)) shape.batch = 1;
    return shape;
  }

  // Scratch memory: what is quantized, scales of columns, what the kernel needs.
  kernels::QuantizeParams quantize(const float* x, EvalContext& ctx) const {
    if (per_tensor_) return quantize_tensor(x, image_, ctx.scratch, ctx.threads());
    kernels::QuantizeParams params;
    kernels::quantize_rows(x, 1, image_, image_, ctx.scratch, &params.scale, &params.zero_point, ctx.threads());
    return params;
  }
  std::int64_t own_scratch() const { return aligned(image_) + aligned(columns() * 4); }

  std::int64_t parts_ = 1, image_ = 0, pixels_ = 0;
  bool per_tensor_ = false;
};

template <class Step>
std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (ctx.node.attributes.integer("channels_last") == 0 || !ctx.inputs[0] || ctx.constants[1] == nullptr)
    return nullptr;
  return std::make_unique<Step>(ctx);
}

std::unique_ptr<PreparedStep> prepare_float(const PrepareContext& ctx) {
  if (ctx.node.attributes.integer("channels_last") == 0 || !ctx.inputs[0] || !ctx.inputs[1]) return nullptr;
  const bool loose =
      ctx.constants[1] == nullptr || (ctx.inputs.size() > 2 && ctx.inputs[2] && ctx.constants[2] == nullptr);
  if (loose) return std::make_unique<LooseConvStep>(ctx);
  return std::make_unique<FloatConvStep>(ctx);
}

template <class Step>
RuntimeOp row(const char* name, bool int8, int residual_slot) {
  OpDef def{.name = name, .domain = kDomain, .inputs = {2, residual_slot + 2}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare<Step>); };
  return {
      .def = def, .prepare = prepare<Step>, .int8 = int8, .images = {0, residual_slot}, .into_slot = residual_slot + 1};
}

}  // namespace

std::vector<RuntimeOp> conv_ops() {
  RuntimeOp conv = row<FloatConvStep>("Conv", false, 3);
  conv.prepare = prepare_float;
  conv.def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare_float); };
  return {conv, row<QConvStep>("QConv", true, 4), row<DynamicConvStep>("DynamicConv", true, 4)};
}

}  // namespace octet::runtime
