// WeightOnlyLinear: a product of float rows by int8 weights, which stay int8 in memory; x counts in steps of 16 bits
// (kernels/weight_only says with what error).
//   inputs   x f32 [..., K]; w s8 [K, N] ([N, K] with transB 1) constant; w_scale f32 [1] or [N] constant;
//            bias f32 [N] constant or none; residual f32 of the output's shape or none
//   y = activation(w_scale * (x w) + bias + residual)   [..., N]
#include "octet/kernels/weight_only/weight_only.h"
#include "octet/runtime/ops/fused.h"
#include "octet/runtime/ops/linear.h"

namespace octet::runtime {
namespace {

class WeightOnlyLinearStep : public PreparedStep {
 public:
  explicit WeightOnlyLinearStep(const PrepareContext& ctx)
      : gemm_(linear_shape(ctx.node, *ctx.inputs[0], *ctx.inputs[1])), output_(linear_output(*ctx.inputs[0], gemm_.n)) {
    epilogue_.read(ctx.node, gemm_.n);
    epilogue_.set_bias(ctx.constants.size() > 3 ? ctx.constants[3] : nullptr, gemm_.n);
    const auto scales = ctx.constants[2]->values<float>();
    for (std::int64_t n = 0; n < gemm_.n; ++n)
      scale_.push_back(scales[scales.size() == 1 ? 0 : static_cast<std::size_t>(n)]);
    const Tensor& w = *ctx.constants[1];
    packed_ = ctx.cache.get<Packed>(w, linear_form("weight_only", gemm_), [&] {
      Packed packed{Tensor(DType::u8, {kernels::packed_bytes_weight_only(form_, gemm_)})};
      kernels::pack_weight_only(form_, gemm_, {w.data<std::int8_t>(), nullptr, nullptr}, packed.data.raw());
      return packed;
    });
  }

  void run(EvalContext& ctx) const override {
    Tensor& y = ctx.output(0, DType::f32, output_);
    const Tensor* residual = ctx.has_input(4) ? &ctx.input(4) : nullptr;
    kernels::weight_only(form_, gemm_, ctx.input(0).data<float>(), packed_->raw(), scale_.data(),
                         epilogue_.bind(residual, y, gemm_.n), ctx.scratch, ctx.threads());
  }

  std::int64_t scratch_bytes() const override { return kernels::scratch_bytes_weight_only(form_, gemm_); }
  std::string kernel() const override { return kernels::select_weight_only().name; }
  std::int64_t packed_bytes() const override { return packed_->bytes(); }

 private:
  kernels::WeightOnlyForm form_;
  kernels::GemmShape gemm_;
  Shape output_;
  EpilogueSpec epilogue_;
  std::vector<float> scale_;
  std::shared_ptr<const Packed> packed_;
};

std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (!ctx.inputs[0] || ctx.constants[1] == nullptr || ctx.constants[2] == nullptr) return nullptr;
  return std::make_unique<WeightOnlyLinearStep>(ctx);
}

}  // namespace

std::vector<RuntimeOp> weight_only_linear_op() {
  OpDef def{.name = "WeightOnlyLinear", .domain = kDomain, .inputs = {3, 5}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare); };
  return {{.def = def, .prepare = prepare}};
}

}  // namespace octet::runtime
