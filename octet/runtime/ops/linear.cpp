// Linear: a float matrix product with constant weights, bias, residual and activation in one step.
//   inputs   x f32 [..., K], w f32 [K, N] ([N, K] with transB 1) constant, bias f32 [N] or none,
//            residual f32 of the output's shape or none
//   y = activation(x w + bias + residual)   [..., N]
#include "octet/runtime/ops/linear.h"

#include "octet/kernels/igemm_f32/igemm_f32.h"
#include "octet/runtime/ops/fused.h"

namespace octet::runtime {
namespace {

class LinearStep : public PreparedStep {
 public:
  explicit LinearStep(const PrepareContext& ctx)
      : gemm_(linear_shape(ctx.node, *ctx.inputs[0], *ctx.inputs[1])),
        kernel_(kernels::select_igemm_f32(gemm_.n)),
        output_(linear_output(*ctx.inputs[0], gemm_.n)) {
    epilogue_.read(ctx.node, gemm_.n);
    epilogue_.set_bias(ctx.constants.size() > 2 ? ctx.constants[2] : nullptr, gemm_.n);
    const Tensor& w = *ctx.constants[1];
    packed_ = ctx.cache.get<Packed>(w, linear_form(kernel_.name, gemm_), [&] {
      Packed packed{Tensor(DType::u8, {kernels::packed_bytes_f32(kernel_, gemm_)})};
      kernels::pack_gemm_f32(kernel_, gemm_, w.data<float>(), packed.data.raw());
      return packed;
    });
  }

  void run(EvalContext& ctx) const override {
    Tensor& y = ctx.output(0, DType::f32, output_);
    const Tensor* residual = ctx.has_input(3) ? &ctx.input(3) : nullptr;
    kernels::gemm_f32(kernel_, gemm_, ctx.input(0).data<float>(), packed_->raw(), epilogue_.bind(residual, y, gemm_.n),
                      ctx.scratch, ctx.threads());
  }

  std::string kernel() const override { return std::string("igemm_f32 ") + kernel_.name; }
  std::int64_t scratch_bytes() const override { return kernels::scratch_bytes_f32(kernel_, gemm_); }
  std::int64_t packed_bytes() const override { return packed_->bytes(); }

 private:
  kernels::GemmShape gemm_;
  const kernels::IgemmKernel& kernel_;
  Shape output_;
  EpilogueSpec epilogue_;
  std::shared_ptr<const Packed> packed_;
};

std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (!ctx.inputs[0] || ctx.constants[1] == nullptr) return nullptr;
  return std::make_unique<LinearStep>(ctx);
}

}  // namespace

std::vector<RuntimeOp> linear_op() {
  OpDef def{.name = "Linear", .domain = kDomain, .inputs = {2, 4}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare); };
  return {{.def = def, .prepare = prepare}};
}

}  // namespace octet::runtime
