// Conv: a float convolution with bias, residual and activation in one step.
//   inputs   x f32 image, w f32 [out, in / group, kernel...] constant, bias f32 [out] or none,
//            residual f32 of the output's shape or none
//   y = activation(conv(x, w) + bias + residual)
#include "octet/kernels/igemm_f32/igemm_f32.h"
#include "octet/runtime/ops/fused.h"

namespace octet::runtime {
namespace {

class ConvStep : public PreparedStep {
 public:
  explicit ConvStep(const PrepareContext& ctx)
      : conv_(conv_shape(ctx.node, *ctx.inputs[0], *ctx.inputs[1])),
        kernel_(kernels::select_igemm_f32(conv_.out_channels / conv_.groups)),
        output_(conv_output(conv_, ctx.inputs[0]->rank())) {
    epilogue_.read(ctx.node, conv_.out_channels);
    epilogue_.set_bias(ctx.constants.size() > 2 ? ctx.constants[2] : nullptr, conv_.out_channels);
    const Tensor& w = *ctx.constants[1];
    packed_ = ctx.cache.get<Packed>(w, conv_form("conv_f32", conv_), [&] {
      Packed packed{Tensor(DType::u8, {kernels::packed_bytes_f32(kernel_, conv_)})};
      kernels::pack_conv_f32(kernel_, conv_, w.data<float>(), packed.data.raw());
      return packed;
    });
  }

  void run(EvalContext& ctx) const override {
    Tensor& y = ctx.output(0, DType::f32, output_);
    const Tensor* residual = ctx.has_input(3) ? &ctx.input(3) : nullptr;
    kernels::conv_f32(kernel_, conv_, ctx.input(0).data<float>(), packed_->raw(),
                      epilogue_.bind(residual, y, conv_.out_channels), ctx.scratch, ctx.threads());
  }

  std::string kernel() const override { return std::string("igemm_f32 ") + kernel_.name; }
  std::int64_t scratch_bytes() const override { return kernels::scratch_bytes_f32(kernel_, conv_); }
  std::int64_t packed_bytes() const override { return packed_->bytes(); }

 private:
  kernels::ConvShape conv_;
  const kernels::IgemmKernel& kernel_;
  Shape output_;
  EpilogueSpec epilogue_;
  std::shared_ptr<const Packed> packed_;
};

std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (ctx.node.attributes.integer("channels_last") == 0 || !ctx.inputs[0] || ctx.constants[1] == nullptr)
    return nullptr;
  return std::make_unique<ConvStep>(ctx);
}

}  // namespace

std::vector<RuntimeOp> conv_op() {
  OpDef def{.name = "Conv", .domain = kDomain, .inputs = {2, 4}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare); };
  return {{.def = def, .prepare = prepare, .images = {0, 3}}};
}

}  // namespace octet::runtime
