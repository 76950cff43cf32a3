// BatchNormForward and BatchNormBackward: octet.BatchNormTraining and octet.BatchNormGrad on images, with the residual
// and the ReLU around them in the same passes over memory.
//   BatchNormForward   x f32 image, scale, bias, mean, variance f32 [C]; residual f32 image or none
//                      y = relu?(norm(x) + residual), then the outputs of octet.BatchNormTraining
//   BatchNormBackward  x f32 image, scale f32 [C], dy f32 image, batch mean, 1 / deviation f32 [C]; y f32 image or none
//                      dz = dy, or 0 where y (the ReLU's output) is not above 0
//                      dx, dz (each may be left out), dscale, dbias as octet.BatchNormGrad gives for dz; the sum of
//                      dx over each channel, the gradient of a bias before the norm: 0 up to rounding, unless frozen
#include "octet/kernels/batch_norm/batch_norm.h"

#include <cmath>

#include "octet/ops/batch_norm.h"
#include "octet/runtime/ops/fused.h"

namespace octet::runtime {
namespace {

// Rows of channels, and floats in scratch for `vectors` of them beside what the reductions need.
class NormStep : public PreparedStep {
 public:
  NormStep(const PrepareContext& ctx, std::int64_t vectors)
      : form_(ops::batch_norm_form(ctx.node.attributes)),
        channels_(ctx.inputs[0]->back()),
        rows_(ctx.inputs[0]->elements(0, ctx.inputs[0]->rank() - 1)),
        vectors_(vectors),
        image_(*ctx.inputs[0]) {}

  std::string kernel() const override { return kernels::select_batch_norm().name; }
  std::int64_t scratch_bytes() const override {
    return 8 * 2 * channels_ + 4 * (vectors_ * channels_ + kernels::batch_norm_scratch(rows_, channels_));
  }

 protected:
  struct Memory {
    double *first, *second;  ///< [channels] each
    float* vectors;          ///< [vectors][channels]
    float* reduction;
  };
  Memory memory(const EvalContext& ctx) const {
    auto* const wide = reinterpret_cast<double*>(ctx.scratch);
    auto* const vectors = reinterpret_cast<float*>(wide + 2 * channels_);
    return {wide, wide + channels_, vectors, vectors + vectors_ * channels_};
  }
  float* vector_output(EvalContext& ctx, int slot) const {
    return ctx.wants_output(slot) ? ctx.output(slot, DType::f32, {channels_}).data<float>() : nullptr;
  }

  ops::BatchNormForm form_;
  std::int64_t channels_, rows_, vectors_;
  Shape image_;
};

class ForwardStep : public NormStep {
 public:
  explicit ForwardStep(const PrepareContext& ctx)
      : NormStep(ctx, 2), relu_(ctx.node.attributes.text("activation", "none") == "relu") {}

  void run(EvalContext& ctx) const override {
    const Memory m = memory(ctx);
    double *const mean = m.first, *const variance = m.second;
    const float* x = ctx.input(0).data<float>();
    kernels::batch_moments(x, rows_, channels_, mean, variance, m.reduction, ctx.threads());
    float *const factor = m.vectors, *const shift = m.vectors + channels_;
    float *const new_mean = vector_output(ctx, 1), *const new_variance = vector_output(ctx, 2);
    float *const batch_mean = vector_output(ctx, 3), *const inverse = vector_output(ctx, 4);
    const float *scale = ctx.input(1).data<float>(), *bias = ctx.input(2).data<float>();
    const float *old_mean = ctx.input(3).data<float>(), *old_variance = ctx.input(4).data<float>();
    const double keep = form_.momentum, take = 1 - keep, correction = form_.correction(rows_);
    for (std::int64_t c = 0; c < channels_; ++c) {
      const double deviation = 1 / std::sqrt(variance[c] + form_.epsilon);
      const double a = static_cast<double>(scale[c]) * deviation;
      factor[c] = static_cast<float>(a);
      shift[c] = static_cast<float>(static_cast<double>(bias[c]) - mean[c] * a);
      if (new_mean != nullptr)
        new_mean[c] = static_cast<float>(keep * static_cast<double>(old_mean[c]) + take * mean[c]);
      if (new_variance != nullptr) {
        new_variance[c] =
            static_cast<float>(keep * static_cast<double>(old_variance[c]) + take * variance[c] * correction);
      }
      if (batch_mean != nullptr) batch_mean[c] = static_cast<float>(mean[c]);
      if (inverse != nullptr) inverse[c] = static_cast<float>(deviation);
    }
    kernels::scale_shift({.rows = rows_,
                          .channels = channels_,
                          .x = x,
                          .factor = factor,
                          .shift = shift,
                          .residual = ctx.has_input(5) ? ctx.input(5).data<float>() : nullptr,
                          .y = ctx.output(0, DType::f32, image_).data<float>(),
                          .relu = relu_},
                         ctx.threads());
  }

 private:
  bool relu_;
};

class BackwardStep : public NormStep {
 public:
  explicit BackwardStep(const PrepareContext& ctx)
      : NormStep(ctx, 3), frozen_(ctx.node.attributes.integer("frozen", 0) != 0) {}

  void run(EvalContext& ctx) const override {
    const Memory m = memory(ctx);
    const float *scale = ctx.input(1).data<float>(), *inverse = ctx.input(4).data<float>();
    kernels::NormGradient g{.rows = rows_,
                            .channels = channels_,
                            .x = ctx.input(0).data<float>(),
                            .dy = ctx.input(2).data<float>(),
                            .y = ctx.has_input(5) ? ctx.input(5).data<float>() : nullptr,
                            .center = ctx.input(3).data<float>()};
    double *const sum = m.first, *const product = m.second;
    kernels::norm_gradient_sums(g, sum, product, m.reduction, ctx.threads());
    float *const dscale = vector_output(ctx, 2), *const dbias = vector_output(ctx, 3);
    float* const dx_sum = vector_output(ctx, 4);
    float *const a = m.vectors, *const b = a + channels_, *const k = b + channels_;
    const auto count = static_cast<double>(rows_);
    for (std::int64_t c = 0; c < channels_; ++c) {
      const double deviation = static_cast<double>(inverse[c]), factor = static_cast<double>(scale[c]) * deviation;
      if (dscale != nullptr) dscale[c] = static_cast<float>(product[c] * deviation);
      if (dbias != nullptr) dbias[c] = static_cast<float>(sum[c]);
      a[c] = static_cast<float>(factor);
      b[c] = frozen_ ? 0.0f : static_cast<float>(-factor * product[c] * deviation * deviation / count);
      k[c] = frozen_ ? 0.0f : static_cast<float>(-factor * sum[c] / count);
      // The sum of x - center is 0 up to the rounding of the mean.
      if (dx_sum != nullptr)
        dx_sum[c] = static_cast<float>(static_cast<double>(a[c]) * sum[c] + static_cast<double>(k[c]) * count);
    }
    if (!ctx.wants_output(0)) return;  // the pass asks for dz only beside dx
    g.dz = ctx.wants_output(1) ? ctx.output(1, DType::f32, image_).data<float>() : nullptr;
    g.dx = ctx.output(0, DType::f32, image_).data<float>();
    kernels::norm_gradient_apply(g, a, b, k, ctx.threads());
  }

 private:
  bool frozen_;
};

template <class Step>
std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (ctx.node.attributes.integer("channels_last") == 0 || !ctx.inputs[0]) return nullptr;
  return std::make_unique<Step>(ctx);
}

template <class Step>
RuntimeOp row(const char* name, const std::vector<int>& images, int image_outputs) {
  OpDef def{.name = name, .domain = kDomain, .inputs = {5, 6}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare<Step>); };
  return {.def = def, .prepare = prepare<Step>, .images = images, .image_outputs = image_outputs};
}

}  // namespace

std::vector<RuntimeOp> batch_norm_ops() {
  return {row<ForwardStep>("BatchNormForward", {0, 5}, 1), row<BackwardStep>("BatchNormBackward", {0, 2, 5}, 2)};
}

}  // namespace octet::runtime
