// MatMul and QMatMul: products of two activations, batches broadcast.
//   MatMul   a f32 [..., M, K], b f32 [..., K, N]; residual f32 of the output's shape or none
//            y = activation(a b + residual)
//   QMatMul  a u8 of x_scale and x_zero, b u8 of w_scale and w_zero (attributes); residual u8 or f32 or none
//            y = activation(sum((a - x_zero)(b - w_zero)) * (x_scale * w_scale) + residual), quantized as y_scale says
// Attributes a_perm and b_perm: the operand is that Transpose of the input; y_perm: the output is that Transpose of
// the product (then there is no residual).
#include "octet/kernels/igemm_f32/igemm_f32.h"
#include "octet/kernels/igemm_u8s8/igemm_u8s8.h"
#include "octet/runtime/ops/fused.h"
#include "octet/runtime/ops/linear.h"

namespace octet::runtime {
namespace {

Shape shape_of(const View& view) { return Shape(view.dims); }

// What both have in common: strides, and the loops that the kernels do not walk.
class MatMulBase : public PreparedStep {
 public:
  explicit MatMulBase(const PrepareContext& ctx) {
    const Attributes& attributes = ctx.node.attributes;
    const View a = permuted_view(*ctx.inputs[0], attributes.integers("a_perm"));
    const View b = permuted_view(*ctx.inputs[1], attributes.integers("b_perm"));
    const Shape product = matmul_output(shape_of(a), shape_of(b));
    const std::vector<std::int64_t> perm = attributes.integers("y_perm");
    output_ = shape_of(permuted_view(product, perm));
    plan_ = plan_matmul(a, b, permuted_view(output_, inverse_of(perm)));
    epilogue_.read(ctx.node, plan_.gemm.n);
  }

  void run(EvalContext& ctx) const override {
    Tensor& y = ctx.output(0, epilogue_.output_type(), output_);
    if (y.elements() == 0) return;
    const Tensor* residual = ctx.has_input(2) ? &ctx.input(2) : nullptr;
    kernels::Epilogue epilogue = epilogue_.bind(residual, y, plan_.out_stride);
    std::int64_t count = 1;
    for (const MatMulPlan::Loop& loop : plan_.outer) count *= loop.count;
    for (std::int64_t i = 0; i < count; ++i) {
      std::int64_t at_a = 0, at_b = 0, at_y = 0, rest = i;
      for (auto loop = plan_.outer.rbegin(); loop != plan_.outer.rend(); ++loop) {
        at_a += rest % loop->count * loop->a;
        at_b += rest % loop->count * loop->b;
        at_y += rest % loop->count * loop->y;
        rest /= loop->count;
      }
      multiply(ctx, at_a, at_b, shifted(epilogue, residual, y, at_y));
    }
  }

 protected:
  virtual void multiply(EvalContext& ctx, std::int64_t a, std::int64_t b, const kernels::Epilogue& epilogue) const = 0;

  Shape output_;
  MatMulPlan plan_;
  EpilogueSpec epilogue_;

 private:
  static kernels::Epilogue shifted(kernels::Epilogue epilogue, const Tensor* residual, Tensor& y, std::int64_t at) {
    epilogue.out = static_cast<std::byte*>(y.raw()) + at * static_cast<std::int64_t>(size_of(y.dtype()));
    if (residual != nullptr) {
      epilogue.residual =
          static_cast<const std::byte*>(residual->raw()) + at * static_cast<std::int64_t>(size_of(residual->dtype()));
    }
    return epilogue;
  }
};

class MatMulStep : public MatMulBase {
 public:
  explicit MatMulStep(const PrepareContext& ctx) : MatMulBase(ctx), kernel_(kernels::select_igemm_f32(plan_.gemm.n)) {}

  std::string kernel() const override { return std::string("igemm_f32 ") + kernel_.name; }
  std::int64_t scratch_bytes() const override { return kernels::matmul_scratch_bytes_f32(kernel_, plan_.gemm); }

 protected:
  void multiply(EvalContext& ctx, std::int64_t a, std::int64_t b, const kernels::Epilogue& epilogue) const override {
    kernels::matmul_f32(kernel_, plan_.gemm, ctx.input(0).data<float>() + a, ctx.input(1).data<float>() + b, epilogue,
                        ctx.scratch, ctx.threads());
  }

 private:
  const kernels::IgemmKernel& kernel_;
};

class QMatMulStep : public MatMulBase {
 public:
  explicit QMatMulStep(const PrepareContext& ctx)
      : MatMulBase(ctx),
        kernel_(kernels::select_igemm_u8s8(plan_.gemm.n, plan_.gemm.k)),
        x_zero_(static_cast<int>(ctx.node.attributes.integer("x_zero"))) {
    const auto columns = static_cast<std::size_t>(plan_.gemm.n);
    epilogue_.scale.assign(columns, ctx.node.attributes.real("x_scale", 1) * ctx.node.attributes.real("w_scale", 1));
    epilogue_.fold_output_scale(ctx.inputs.size() > 2 && ctx.inputs[2]);
    // b is read as s8: 128 less, its zero point too.
    w_zero_.assign(columns, static_cast<std::int32_t>(ctx.node.attributes.integer("w_zero")) - 128);
  }

  std::string kernel() const override { return std::string("igemm_u8s8 ") + kernel_.name; }
  std::int64_t scratch_bytes() const override { return kernels::matmul_scratch_bytes_u8s8(kernel_, plan_.gemm); }

 protected:
  void multiply(EvalContext& ctx, std::int64_t a, std::int64_t b, const kernels::Epilogue& epilogue) const override {
    kernels::Epilogue with_scale = epilogue;
    with_scale.scale = epilogue_.scale.data();
    with_scale.weight_zero_point = w_zero_.front() == 0 ? nullptr : w_zero_.data();
    kernels::matmul_u8s8(kernel_, plan_.gemm, ctx.input(0).data<std::uint8_t>() + a, x_zero_,
                         ctx.input(1).data<std::uint8_t>() + b, 0x80, with_scale, ctx.scratch, ctx.threads());
  }

 private:
  const kernels::IgemmKernel& kernel_;
  int x_zero_;
  std::vector<std::int32_t> w_zero_;
};

template <class Step>
std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (!ctx.inputs[0] || !ctx.inputs[1]) return nullptr;
  return std::make_unique<Step>(ctx);
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
