// Quantize, Dequantize, Lookup: whole tensors to bytes, from bytes, and from bytes to bytes.
//   Quantize    x f32; attributes y_scale, y_zero:  y = clamp(rint(x / y_scale) + y_zero) u8; NaN gives 255
//   Dequantize  x u8; attributes x_scale, x_zero:   y = (x - x_zero) * x_scale  f32
//   Lookup      x u8, table u8 [256] constant:      y = table[x]
// Source: ONNX QuantizeLinear-19, DequantizeLinear-19.
#include <algorithm>

#include "octet/kernels/elementwise_u8/elementwise_u8.h"
#include "octet/kernels/quantize/quantize.h"
#include "octet/runtime/ops/fused.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {
namespace {

kernels::QuantizeParams params_of(const Node& node, const std::string& prefix) {
  return {.scale = node.attributes.real(prefix + "_scale", 1),
          .zero_point = static_cast<std::int32_t>(node.attributes.integer(prefix + "_zero"))};
}

std::string kernel_name() { return std::string("quantize ") + kernels::select_quantize().name; }

class QuantizeStep : public PreparedStep {
 public:
  explicit QuantizeStep(const PrepareContext& ctx) : params_(params_of(ctx.node, "y")) {}

  void run(EvalContext& ctx) const override {
    const Tensor& x = ctx.input(0);
    kernels::quantize(params_, x.data<float>(), x.elements(), ctx.output(0, DType::u8, x.shape()).raw(), ctx.threads());
  }
  std::string kernel() const override { return kernel_name(); }

 private:
  kernels::QuantizeParams params_;
};

class DequantizeStep : public PreparedStep {
 public:
  explicit DequantizeStep(const PrepareContext& ctx) : params_(params_of(ctx.node, "x")) {}

  void run(EvalContext& ctx) const override {
    const Tensor& x = ctx.input(0);
    float* y = ctx.output(0, DType::f32, x.shape()).data<float>();
    kernels::dequantize(params_, x.raw(), x.elements(), y, ctx.threads());
  }
  std::string kernel() const override { return kernel_name(); }

 private:
  kernels::QuantizeParams params_;
};

class LookupStep : public PreparedStep {
 public:
  explicit LookupStep(const PrepareContext& ctx) {
    std::copy_n(ctx.constants[1]->data<std::uint8_t>(), table_.size(), table_.begin());
  }

  void run(EvalContext& ctx) const override {
    const Tensor& x = ctx.input(0);
    void* y = ctx.output(0, DType::u8, x.shape()).raw();
    kernels::lookup_u8(table_, x.raw(), x.elements(), y, ctx.threads());
  }
  std::string kernel() const override { return "lookup_u8"; }

 private:
  kernels::Table256 table_;
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
