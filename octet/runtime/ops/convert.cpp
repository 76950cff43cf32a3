// Quantize, Dequantize, Lookup: whole tensors to bytes, from bytes, and from bytes to bytes.
//   Quantize    x f32; attributes y_scale, y_zero:  y = clamp(rint(x / y_scale) + y_zero) u8; NaN gives 255
//   Dequantize  x u8; attributes x_scale, x_zero:   y = (x - x_zero) * x_scale  f32
//   Lookup      x u8, table u8 [256] constant:      y = table[x]
// Source: ONNX QuantizeLinear-19, DequantizeLinear-19.
#include <algorithm>
#include <bit>

#include "octet/runtime/ops/fused.h"

namespace octet::runtime {
namespace {

constexpr std::int64_t kGrain = 16384;

class QuantizeStep : public PreparedStep {
 public:
  explicit QuantizeStep(const PrepareContext& ctx)
      : scale_(ctx.node.attributes.real("y_scale", 1)), zero_(static_cast<int>(ctx.node.attributes.integer("y_zero"))) {}

  void run(EvalContext& ctx) const override {
    const Tensor& x = ctx.input(0);
    const float *in = x.data<float>(), scale = scale_;
    auto* out = ctx.output(0, DType::u8, x.shape()).data<std::uint8_t>();
    const int zero = zero_;
    const auto low = static_cast<float>(-zero), high = static_cast<float>(255 - zero);
    ctx.threads().parallel_for(x.elements(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      // Adding 1.5 * 2^23 rounds to an integer, ties to even; the limits keep the sum in that binade.
      constexpr float kMagic = 12582912.0f;
      for (std::int64_t i = begin; i < end; ++i) {
        float level = in[i] / scale;
        level = level < high ? level : high;
        level = level > low ? level : low;
        out[i] = static_cast<std::uint8_t>(std::bit_cast<std::int32_t>(level + kMagic) - 0x4b400000 + zero);
      }
    });
  }

  std::string kernel() const override { return "convert"; }

 private:
  float scale_;
  int zero_;
};

class DequantizeStep : public PreparedStep {
 public:
  explicit DequantizeStep(const PrepareContext& ctx)
      : scale_(ctx.node.attributes.real("x_scale", 1)), zero_(static_cast<int>(ctx.node.attributes.integer("x_zero"))) {}

  void run(EvalContext& ctx) const override {
    const Tensor& x = ctx.input(0);
    const auto* in = x.data<std::uint8_t>();
    float* out = ctx.output(0, DType::f32, x.shape()).data<float>();
    const float scale = scale_;
    const int zero = zero_;
    ctx.threads().parallel_for(x.elements(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) out[i] = static_cast<float>(static_cast<int>(in[i]) - zero) * scale;
    });
  }

  std::string kernel() const override { return "convert"; }

 private:
  float scale_;
  int zero_;
};

class LookupStep : public PreparedStep {
 public:
  explicit LookupStep(const PrepareContext&) {}

  void run(EvalContext& ctx) const override {
    const Tensor& x = ctx.input(0);
    const auto *in = x.data<std::uint8_t>(), *table = ctx.input(1).data<std::uint8_t>();
    auto* out = ctx.output(0, DType::u8, x.shape()).data<std::uint8_t>();
    ctx.threads().parallel_for(x.elements(), kGrain, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) out[i] = table[in[i]];
    });
  }

  std::string kernel() const override { return "table"; }
};

template <class Step>
std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  return std::make_unique<Step>(ctx);
}

template <class Step>
RuntimeOp row(const char* name, int inputs, bool in_place) {
  OpDef def{.name = name, .domain = kDomain, .inputs = {inputs, inputs}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare<Step>); };
  return {.def = def, .prepare = prepare<Step>, .int8 = true, .in_place = in_place};
}

}  // namespace

std::vector<RuntimeOp> convert_ops() {
  return {row<QuantizeStep>("Quantize", 1, false), row<DequantizeStep>("Dequantize", 1, false),
          row<LookupStep>("Lookup", 2, true)};
}

}  // namespace octet::runtime
