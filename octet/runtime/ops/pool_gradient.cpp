// MaxPoolGrad and AveragePoolGrad of channels-last f32 images: octet's gradient operators.
//   MaxPoolGrad      x image, dy image -> dx
//   AveragePoolGrad  dy image -> dx of the shape x_shape [dims]; `global` 1 for one window over all
#include "octet/kernels/pool/gradient.h"
#include "octet/runtime/ops/fused.h"
#include "octet/runtime/ops/pool_shape.h"

namespace octet::runtime {
namespace {

class PoolGradientStep : public PreparedStep {
 public:
  explicit PoolGradientStep(const PrepareContext& ctx) : average_(ctx.node.op_type == "AveragePoolGrad") {
    if (average_) {
      const std::vector<std::int64_t> dims = ctx.node.attributes.integers("x_shape");
      output_.push_back(dims[0]);
      for (std::size_t i = 2; i < dims.size(); ++i) output_.push_back(dims[i]);
      output_.push_back(dims[1]);
    } else {
      output_ = *ctx.inputs[0];
    }
    shape_ = pool_shape(ctx.node, output_);
  }

  void run(EvalContext& ctx) const override {
    float* const dx = ctx.output(0, DType::f32, output_).data<float>();
    if (average_) {
      kernels::average_pool_grad_f32(shape_, ctx.input(0).data<float>(), dx, ctx.threads());
    } else {
      kernels::max_pool_grad_f32(shape_, ctx.input(0).data<float>(), ctx.input(1).data<float>(), dx, ctx.threads());
    }
  }

  std::string kernel() const override { return "pool gradient"; }

 private:
  bool average_;
  Shape output_;
  kernels::PoolShape shape_;
};

std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (ctx.node.attributes.integer("channels_last") == 0 || !ctx.inputs[0]) return nullptr;
  return std::make_unique<PoolGradientStep>(ctx);
}

RuntimeOp row(const char* name, int inputs, std::vector<int> images) {
  OpDef def{.name = name, .domain = kDomain, .inputs = {inputs, inputs}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare); };
  return {.def = def, .prepare = prepare, .images = std::move(images)};
}

}  // namespace

std::vector<RuntimeOp> pool_gradient_ops() { return {row("MaxPoolGrad", 2, {0, 1}), row("AveragePoolGrad", 1, {0})}; }

}  // namespace octet::runtime
