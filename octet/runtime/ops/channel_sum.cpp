// ChannelSum: y[c] = sum over everything else of x[..., c], of an f32 image: the gradient of a bias.
#include <algorithm>

#include "octet/kernels/batch_norm/batch_norm.h"
#include "octet/runtime/ops/fused.h"

namespace octet::runtime {
namespace {

class ChannelSumStep : public PreparedStep {
 public:
  explicit ChannelSumStep(const PrepareContext& ctx)
      : channels_(ctx.inputs[0]->back()), rows_(ctx.inputs[0]->elements(0, ctx.inputs[0]->rank() - 1)) {}

  void run(EvalContext& ctx) const override {
    auto* const sum = reinterpret_cast<double*>(ctx.scratch);
    auto* const product = sum + channels_;
    auto* const center = reinterpret_cast<float*>(product + channels_);
    std::fill_n(center, channels_, 0.0f);
    const float* x = ctx.input(0).data<float>();
    kernels::norm_gradient_sums({.rows = rows_, .channels = channels_, .x = x, .dy = x, .center = center}, sum, product,
                                center + channels_, ctx.threads());
    float* const y = ctx.output(0, DType::f32, {channels_}).data<float>();
    for (std::int64_t c = 0; c < channels_; ++c) y[c] = static_cast<float>(sum[c]);
  }

  std::string kernel() const override { return kernels::select_batch_norm().name; }
  std::int64_t scratch_bytes() const override {
    return 8 * 2 * channels_ + 4 * (channels_ + kernels::batch_norm_scratch(rows_, channels_));
  }

 private:
  std::int64_t channels_, rows_;
};

std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (ctx.node.attributes.integer("channels_last") == 0 || !ctx.inputs[0]) return nullptr;
  return std::make_unique<ChannelSumStep>(ctx);
}

}  // namespace

std::vector<RuntimeOp> channel_sum_op() {
  OpDef def{.name = "ChannelSum", .domain = kDomain, .inputs = {1, 1}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare); };
  return {{.def = def, .prepare = prepare, .images = {0}, .image_outputs = 0}};
}

}  // namespace octet::runtime
