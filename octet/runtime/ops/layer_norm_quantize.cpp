// LayerNormQuantize: a layer normalization of rows, and its result in bytes as well, made while a row is in cache.
//   inputs   x f32 [..., K]; weight f32 [K]; bias f32 [K] or none
//   outputs  y f32 [..., K] = LayerNormalization(x, weight, bias), attribute epsilon; q u8 [..., K]
//   with the attributes y_scale, y_zero:  q = clamp(rint(y * float(1 / y_scale)) + y_zero); NaN gives 255
//   without them each row has its own range, and its scale f32 [...] and zero_point s32 [...] are outputs too:
//   kernels::quantize_rows of y
// Source: ONNX LayerNormalization-17.
#include <algorithm>

#include "octet/kernels/math/math.h"
#include "octet/kernels/quantize/quantize.h"
#include "octet/runtime/ops/fused.h"

namespace octet::runtime {
namespace {

constexpr std::int64_t kRowsTogether = 8;  // as kernels::MathTable::layer_norm takes them
constexpr std::int64_t kGrain = 8192;      // elements that are worth another thread

class LayerNormQuantizeStep : public PreparedStep {
 public:
  explicit LayerNormQuantizeStep(const PrepareContext& ctx)
      : shape_(*ctx.inputs[0]),
        params_(shape_.dims().first(static_cast<std::size_t>(shape_.rank() - 1))),
        epsilon_(ctx.node.attributes.real("epsilon", 1e-5f)),
        by_row_(!ctx.node.attributes.has("y_scale")),
        static_{.scale = ctx.node.attributes.real("y_scale", 1),
                .zero_point = static_cast<std::int32_t>(ctx.node.attributes.integer("y_zero", 0)),
                .rounding = kernels::Rounding::multiply} {}

  void run(EvalContext& ctx) const override {
    const std::int64_t count = shape_.back(), rows = params_.elements();
    const float* const x = ctx.input(0).data<float>();
    const float* const weight = ctx.input(1).data<float>();
    const float* const bias = ctx.has_input(2) ? ctx.input(2).data<float>() : nullptr;
    float* const y = ctx.output(0, DType::f32, shape_).data<float>();
    auto* const q = ctx.output(1, DType::u8, shape_).data<std::uint8_t>();
    float* const scale = by_row_ ? ctx.output(2, DType::f32, params_).data<float>() : nullptr;
    auto* const zero_point = by_row_ ? ctx.output(3, DType::i32, params_).data<std::int32_t>() : nullptr;
    const auto body = [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t m = begin; m < end; m += kRowsTogether) {
        const std::int64_t some = std::min(kRowsTogether, end - m), at = m * count;
        kernels::math().layer_norm(x + at, some, count, epsilon_, weight, bias, y + at);
        if (!by_row_) kernels::select_quantize().quantize(static_, y + at, some * count, q + at);
        for (std::int64_t r = m; r < m + some && by_row_; ++r)
          kernels::quantize_row(y + r * count, count, q + r * count, scale[r], zero_point[r]);
      }
    };
    ctx.threads().parallel_for(rows, std::max<std::int64_t>(kRowsTogether, kGrain / std::max<std::int64_t>(1, count)),
                               body);
  }

  std::string kernel() const override { return std::string("quantize ") + kernels::select_quantize().name; }

 private:
  Shape shape_, params_;
  double epsilon_;
  bool by_row_;
  kernels::QuantizeParams static_;
};

std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (!ctx.inputs[0]) return nullptr;
  return std::make_unique<LayerNormQuantizeStep>(ctx);
}

}  // namespace

std::vector<RuntimeOp> layer_norm_quantize_op() {
  OpDef def{.name = "LayerNormQuantize", .domain = kDomain, .inputs = {2, 3}, .outputs = {2, 4}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare); };
  return {{.def = def, .prepare = prepare}};
}

}  // namespace octet::runtime
