// QLinear: an int8 matrix product with constant weights, bias, residual, activation and quantization.
//   inputs   x u8 [..., K]; w s8 [K, N] ([N, K] with transB 1) constant; w_scale f32 [1] or [N] constant;
//            bias i32 or f32 [N] constant or none; residual u8 or f32 of the output's shape or none
//   s = sum((x - x_zero) * w) + bias_i32;  v = activation(float(s) * (x_scale * w_scale) + bias_f32 + residual)
//   y = v, or clamp(rint(v / y_scale) + y_zero) as u8; EpilogueSpec::fold_output_scale where it can be
#include "octet/kernels/igemm_u8s8/igemm_u8s8.h"
#include "octet/runtime/ops/fused.h"
#include "octet/runtime/ops/linear.h"

namespace octet::runtime {
namespace {

class QLinearStep : public PreparedStep {
 public:
  explicit QLinearStep(const PrepareContext& ctx)
      : gemm_(linear_shape(ctx.node, *ctx.inputs[0], *ctx.inputs[1])),
        fit_(ctx.cache.get<kernels::NarrowFit>(
            *ctx.constants[1], linear_form("fit", gemm_),
            [&] { return kernels::fit_u8s8(gemm_, ctx.constants[1]->data<std::int8_t>()); })),
        kernel_(kernels::select_igemm_u8s8(gemm_, *fit_)),
        output_(linear_output(*ctx.inputs[0], gemm_.n)),
        x_zero_(static_cast<int>(ctx.node.attributes.integer("x_zero"))) {
    epilogue_.read(ctx.node, gemm_.n);
    epilogue_.set_scale(ctx.node.attributes.real("x_scale", 1), *ctx.constants[2], gemm_.n);
    epilogue_.set_bias(ctx.constants.size() > 3 ? ctx.constants[3] : nullptr, gemm_.n);
    epilogue_.fold_output_scale(ctx.inputs.size() > 4 && ctx.inputs[4]);
    const Tensor& w = *ctx.constants[1];
    packed_ = ctx.cache.get<Packed>(w, linear_form(kernel_.name, gemm_), [&] {
      Packed packed{Tensor(DType::u8, {kernels::packed_bytes_u8s8(kernel_, gemm_)})};
      kernels::pack_gemm_u8s8(kernel_, gemm_, w.data<std::int8_t>(), packed.data.raw());
      return packed;
    });
  }

  void run(EvalContext& ctx) const override {
    Tensor& y = ctx.output(0, epilogue_.output_type(), output_);
    const Tensor* residual = ctx.has_input(4) ? &ctx.input(4) : nullptr;
    kernels::gemm_u8s8(kernel_, gemm_, ctx.input(0).data<std::uint8_t>(), x_zero_, packed_->raw(),
                       epilogue_.bind(residual, y, gemm_.n), ctx.scratch, ctx.threads());
  }

  std::string kernel() const override { return std::string("igemm_u8s8 ") + kernel_.name; }
  std::int64_t scratch_bytes() const override { return kernels::scratch_bytes_u8s8(kernel_, gemm_); }
  std::int64_t packed_bytes() const override { return packed_->bytes(); }

 private:
  kernels::GemmShape gemm_;
  std::shared_ptr<const kernels::NarrowFit> fit_;  // held for the cache
  const kernels::IgemmKernel& kernel_;
  Shape output_;
  int x_zero_;
  EpilogueSpec epilogue_;
  std::shared_ptr<const Packed> packed_;
};

std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (!ctx.inputs[0] || ctx.constants[1] == nullptr) return nullptr;
  return std::make_unique<QLinearStep>(ctx);
}

}  // namespace

std::vector<RuntimeOp> qlinear_op() {
  OpDef def{.name = "QLinear", .domain = kDomain, .inputs = {3, 5}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare); };
  return {{.def = def, .prepare = prepare, .int8 = true}};
}

}  // namespace octet::runtime
