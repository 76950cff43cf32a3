// MaskedSoftmax: y = softmax(x + mask) along the last axis.
//   x f32 [..., S]; mask f32 [..., S] that broadcasts to x's shape
// Source: ONNX Add-14, Softmax-13.
#include <algorithm>

#include "octet/kernels/math/math.h"
#include "octet/ops/strided_copy.h"
#include "octet/runtime/ops/fused.h"

namespace octet::runtime {
namespace {

constexpr std::int64_t kGrain = 8192;  // elements that are worth another thread

class MaskedSoftmaxStep : public PreparedStep {
 public:
  explicit MaskedSoftmaxStep(const PrepareContext& ctx) : shape_(*ctx.inputs[0]) {
    const Shape& mask = *ctx.inputs[1];
    const auto strides = ops::strides_of(mask);
    const int missing = shape_.rank() - mask.rank();
    for (int i = 0; i + 1 < shape_.rank(); ++i) {
      const bool repeats = i < missing || mask[i - missing] == 1;
      steps_.push_back(repeats ? 0 : strides[static_cast<std::size_t>(i - missing)]);
    }
  }

  void run(EvalContext& ctx) const override {
    const float *x = ctx.input(0).data<float>(), *mask = ctx.input(1).data<float>();
    float* y = ctx.output(0, DType::f32, shape_).data<float>();
    const std::int64_t size = shape_.back();
    if (ctx.input(0).elements() == 0) return;
    const kernels::MathTable& math = kernels::math();
    ctx.threads().parallel_for(ctx.input(0).elements() / size, std::max<std::int64_t>(1, kGrain / size),
                               [&](std::int64_t begin, std::int64_t end) {
                                 for (std::int64_t row = begin; row < end; ++row) {
                                   float* out = y + row * size;
                                   const float most =
                                       math.scaled_maximum(x + row * size, 1, mask + mask_at(row), out, size);
                                   const double sum = math.exp_shifted(out, most, out, size);
                                   math.scale(out, static_cast<float>(1 / sum), size);
                                 }
                               });
  }

  std::string kernel() const override { return std::string("math ") + kernels::math().isa; }

 private:
  std::int64_t mask_at(std::int64_t row) const {
    std::int64_t at = 0;
    for (int i = static_cast<int>(steps_.size()) - 1; i >= 0; --i) {
      at += row % shape_[i] * steps_[static_cast<std::size_t>(i)];
      row /= shape_[i];
    }
    return at;
  }

  Shape shape_;
  std::vector<std::int64_t> steps_;  // of the mask, along x's axes but the last
};

std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (!ctx.inputs[0] || !ctx.inputs[1]) return nullptr;
  return std::make_unique<MaskedSoftmaxStep>(ctx);
}

}  // namespace

std::vector<RuntimeOp> masked_softmax_op() {
  OpDef def{.name = "MaskedSoftmax", .domain = kDomain, .inputs = {2, 2}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare); };
  return {{.def = def, .prepare = prepare}};
}

}  // namespace octet::runtime
