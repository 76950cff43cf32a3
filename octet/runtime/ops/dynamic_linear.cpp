// DynamicLinear: a matrix product of float activations, quantized as they come, by int8 weights.
//   inputs   x f32 [..., K], or u8 as QuantizeRows gives it; w s8 [K, N] ([N, K] with transB 1) constant; w_scale f32
//   [1] or [N] constant;
//            bias f32 [N] constant or none; residual f32 of the output's shape or none;
//            of a u8 x the scales f32 [...] and zero points s32 [...] of its rows
//   y = activation(product(x, w) + bias + residual) f32; the product as make_product says, with per_tensor
//   if the attribute is 1
#include "octet/runtime/ops/fused.h"
#include "octet/runtime/ops/linear.h"
#include "octet/runtime/ops/product.h"

namespace octet::runtime {
namespace {

class DynamicLinearStep : public PreparedStep {
 public:
  explicit DynamicLinearStep(const PrepareContext& ctx) {
    const kernels::GemmShape gemm = linear_shape(ctx.node, *ctx.inputs[0], *ctx.inputs[1]);
    rows_ = gemm.m;
    columns_ = gemm.n;
    output_ = linear_output(*ctx.inputs[0], gemm.n);
    epilogue_.read(ctx.node, gemm.n);
    epilogue_.set_bias(ctx.constants.size() > 3 ? ctx.constants[3] : nullptr, gemm.n);
    product_ = make_product({.weights = *ctx.constants[1],
                             .n = gemm.n,
                             .k = gemm.k,
                             .k_stride = gemm.b_k_stride,
                             .n_stride = gemm.b_n_stride,
                             .scale = ctx.constants[2],
                             .per_tensor = ctx.node.attributes.integer("per_tensor", 0) != 0,
                             .rows = gemm.m},
                            ctx.cache);
  }

  void run(EvalContext& ctx) const override {
    Tensor& y = ctx.output(0, DType::f32, output_);
    const Tensor* residual = ctx.has_input(4) ? &ctx.input(4) : nullptr;
    const kernels::Epilogue epilogue = epilogue_.bind(residual, y, columns_);
    if (ctx.input(0).dtype() == DType::f32) {
      return product_->run(ctx.input(0).data<float>(), rows_, epilogue, ctx.scratch, ctx.threads());
    }
    const QuantizedRows rows{ctx.input(0).data<std::uint8_t>(), ctx.input(5).data<float>(),
                             ctx.input(6).data<std::int32_t>()};
    product_->run(rows, rows_, epilogue, ctx.scratch, ctx.threads());
  }

  std::string kernel() const override { return product_->kernel(); }
  std::int64_t scratch_bytes() const override { return product_->scratch_bytes(rows_); }
  std::int64_t packed_bytes() const override { return product_->packed_bytes(); }

 private:
  std::int64_t rows_ = 0, columns_ = 0;
  Shape output_;
  EpilogueSpec epilogue_;
  std::unique_ptr<Product> product_;
};

std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (!ctx.inputs[0] || ctx.constants[1] == nullptr || ctx.constants[2] == nullptr) return nullptr;
  return std::make_unique<DynamicLinearStep>(ctx);
}

}  // namespace

std::vector<RuntimeOp> dynamic_linear_op() {
  OpDef def{.name = "DynamicLinear", .domain = kDomain, .inputs = {3, 7}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare); };
  return {{.def = def, .prepare = prepare, .int8 = true}};
}

}  // namespace octet::runtime
