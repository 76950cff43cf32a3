// QConv: an int8 convolution with bias, residual, activation and quantization in one step.
//   inputs   x u8 image; w s8 [out, in / group, kernel...] constant; w_scale f32 [1] or [out] constant;
//            bias i32 or f32 [out] constant or none; residual u8 or f32 of the output's shape or none
//   s = sum((x - x_zero) * w) + bias_i32;  v = activation(float(s) * (x_scale * w_scale) + bias_f32 + residual)
//   y = v, or clamp(rint(v / y_scale) + y_zero) as u8
#include "octet/kernels/igemm_u8s8/igemm_u8s8.h"
#include "octet/runtime/ops/fused.h"

namespace octet::runtime {
namespace {

class QConvStep : public PreparedStep {
 public:
  explicit QConvStep(const PrepareContext& ctx)
      : conv_(conv_shape(ctx.node, *ctx.inputs[0], *ctx.inputs[1])),
        kernel_(
            kernels::select_igemm_u8s8(conv_.out_channels / conv_.groups,
                                       conv_.in_channels / conv_.groups * conv_.kernel_height * conv_.kernel_width)),
        output_(conv_output(conv_, ctx.inputs[0]->rank())),
        x_zero_(static_cast<int>(ctx.node.attributes.integer("x_zero"))) {
    epilogue_.read(ctx.node, conv_.out_channels);
    epilogue_.set_scale(ctx.node.attributes.real("x_scale", 1), *ctx.constants[2], conv_.out_channels);
    epilogue_.set_bias(ctx.constants.size() > 3 ? ctx.constants[3] : nullptr, conv_.out_channels);
    const Tensor& w = *ctx.constants[1];
    packed_ = ctx.cache.get<Packed>(w, conv_form("conv_u8s8", conv_), [&] {
      Packed packed{Tensor(DType::u8, {kernels::packed_bytes_u8s8(kernel_, conv_)})};
      kernels::pack_conv_u8s8(kernel_, conv_, w.data<std::int8_t>(), packed.data.raw());
      return packed;
    });
  }

  void run(EvalContext& ctx) const override {
    Tensor& y = ctx.output(0, epilogue_.output_type(), output_);
    const Tensor* residual = ctx.has_input(4) ? &ctx.input(4) : nullptr;
    kernels::conv_u8s8(kernel_, conv_, ctx.input(0).data<std::uint8_t>(), x_zero_, packed_->raw(),
                       epilogue_.bind(residual, y, conv_.out_channels), ctx.scratch, ctx.threads());
  }

  std::string kernel() const override { return std::string("igemm_u8s8 ") + kernel_.name; }
  std::int64_t scratch_bytes() const override { return kernels::scratch_bytes_u8s8(kernel_, conv_); }
  std::int64_t packed_bytes() const override { return packed_->bytes(); }

 private:
  kernels::ConvShape conv_;
  const kernels::IgemmKernel& kernel_;
  Shape output_;
  int x_zero_;
  EpilogueSpec epilogue_;
  std::shared_ptr<const Packed> packed_;
};

std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (ctx.node.attributes.integer("channels_last") == 0 || !ctx.inputs[0] || ctx.constants[1] == nullptr)
    return nullptr;
  return std::make_unique<QConvStep>(ctx);
}

}  // namespace

std::vector<RuntimeOp> qconv_op() {
  OpDef def{.name = "QConv", .domain = kDomain, .inputs = {3, 5}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare); };
  return {{.def = def, .prepare = prepare, .int8 = true, .images = {0, 4}}};
}

}  // namespace octet::runtime
