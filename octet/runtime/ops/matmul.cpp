// MatMul and QMatMul: products of two activations, batches broadcast.
//   MatMul   a f32 [..., M, K], b f32 [..., K, N]; residual f32 of the output's shape or none
//            y = activation(a b + residual)
//   QMatMul  a u8 of x_scale and x_zero, b u8 of w_scale and w_zero (attributes)
//            y = activation(sum((a - x_zero)(b - w_zero)) * (x_scale * w_scale) + residual), quantized as y_scale says
#include "octet/kernels/igemm_f32/igemm_f32.h"
#include "octet/kernels/igemm_u8s8/igemm_u8s8.h"
#include "octet/runtime/ops/fused.h"
#include "octet/runtime/ops/linear.h"

namespace octet::runtime {
namespace {

class MatMulStep : public PreparedStep {
 public:
  MatMulStep(const PrepareContext& ctx, const kernels::GemmShape& gemm)
      : gemm_(gemm),
        kernel_(kernels::select_igemm_f32(gemm_.n)),
        output_(matmul_output(*ctx.inputs[0], *ctx.inputs[1])) {
    epilogue_.read(ctx.node, gemm_.n);
  }

  void run(EvalContext& ctx) const override {
    Tensor& y = ctx.output(0, DType::f32, output_);
    const Tensor* residual = ctx.has_input(2) ? &ctx.input(2) : nullptr;
    kernels::matmul_f32(kernel_, gemm_, ctx.input(0).data<float>(), ctx.input(1).data<float>(),
                        epilogue_.bind(residual, y, gemm_.n), ctx.scratch, ctx.threads());
  }

  std::string kernel() const override { return std::string("igemm_f32 ") + kernel_.name; }
  std::int64_t scratch_bytes() const override { return kernels::matmul_scratch_bytes_f32(kernel_, gemm_); }

 private:
  kernels::GemmShape gemm_;
  const kernels::IgemmKernel& kernel_;
  Shape output_;
  EpilogueSpec epilogue_;
};

class QMatMulStep : public PreparedStep {
 public:
  QMatMulStep(const PrepareContext& ctx, const kernels::GemmShape& gemm)
      : gemm_(gemm),
        kernel_(kernels::select_igemm_u8s8(gemm_.n, gemm_.k)),
        output_(matmul_output(*ctx.inputs[0], *ctx.inputs[1])),
        x_zero_(static_cast<int>(ctx.node.attributes.integer("x_zero"))) {
    epilogue_.read(ctx.node, gemm_.n);
    const auto columns = static_cast<std::size_t>(gemm_.n);
    scale_.assign(columns, ctx.node.attributes.real("x_scale", 1) * ctx.node.attributes.real("w_scale", 1));
    // b is read as s8: 128 less, its zero point too.
    w_zero_.assign(columns, static_cast<std::int32_t>(ctx.node.attributes.integer("w_zero")) - 128);
  }

  void run(EvalContext& ctx) const override {
    Tensor& y = ctx.output(0, epilogue_.output_type(), output_);
    kernels::Epilogue epilogue = epilogue_.bind(ctx.has_input(2) ? &ctx.input(2) : nullptr, y, gemm_.n);
    epilogue.scale = scale_.data();
    epilogue.weight_zero_point = w_zero_.front() == 0 ? nullptr : w_zero_.data();
    kernels::matmul_u8s8(kernel_, gemm_, ctx.input(0).data<std::uint8_t>(), x_zero_, ctx.input(1).raw(), 0x80, epilogue,
                         ctx.scratch, ctx.threads());
  }

  std::string kernel() const override { return std::string("igemm_u8s8 ") + kernel_.name; }
  std::int64_t scratch_bytes() const override { return kernels::matmul_scratch_bytes_u8s8(kernel_, gemm_); }

 private:
  kernels::GemmShape gemm_;
  const kernels::IgemmKernel& kernel_;
  Shape output_;
  int x_zero_;
  EpilogueSpec epilogue_;
  std::vector<float> scale_;
  std::vector<std::int32_t> w_zero_;
};

template <class Step>
std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (!ctx.inputs[0] || !ctx.inputs[1]) return nullptr;
  const auto gemm = matmul_shape(*ctx.inputs[0], *ctx.inputs[1]);
  return gemm ? std::make_unique<Step>(ctx, *gemm) : nullptr;
}

template <class Step>
RuntimeOp row(const char* name, bool int8) {
  OpDef def{.name = name, .domain = kDomain, .inputs = {2, 3}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare<Step>); };
  return {.def = def, .prepare = prepare<Step>, .int8 = int8};
}

}  // namespace

std::vector<RuntimeOp> matmul_ops() { return {row<MatMulStep>("MatMul", false), row<QMatMulStep>("QMatMul", true)}; }

}  // namespace octet::runtime
