// QAdd, QSub, QMul: two tensors of u8 (or f32) with broadcasting, an activation, and u8 (or f32) out.
//   attributes a_scale, a_zero (absent: a is f32), b_scale, b_zero, y_scale, y_zero; activation, alpha, beta as fused.h
//   y = quantize(activation(a op b)); quantize(v) = clamp(rint(v / y_scale) + y_zero)
#include <algorithm>
#include <bit>

#include "octet/ops/elementwise.h"
#include "octet/runtime/ops/fused.h"

namespace octet::runtime {
namespace {

constexpr std::int64_t kChunk = 512;

// How an operand is read as float.
struct Operand {
  bool quantized = false;
  float scale = 1, zero = 0;

  void read(const Attributes& a, const std::string& prefix) {
    quantized = a.has(prefix + "_scale");
    scale = a.real(prefix + "_scale", 1);
    zero = static_cast<float>(a.integer(prefix + "_zero", 0));
  }
  // `count` numbers from element `at`; a stride of 0 repeats one number.
  void load(const Tensor& tensor, std::int64_t at, std::int64_t stride, std::int64_t count, float* out) const {
    if (!quantized) return load(tensor.data<float>() + at, stride, count, 1, 0, out);
    load(tensor.data<std::uint8_t>() + at, stride, count, scale, zero, out);
  }

 private:
  template <class T>
  static void load(const T* in, std::int64_t stride, std::int64_t count, float s, float z, float* out) {
    if (stride == 0) {
      std::fill_n(out, count, (static_cast<float>(*in) - z) * s);
    } else {
      for (std::int64_t i = 0; i < count; ++i) out[i] = (static_cast<float>(in[i]) - z) * s;
    }
  }
};

void activate(kernels::Activation activation, float alpha, float beta, float* v, std::int64_t count) {
  using kernels::Activation;
  const auto each = [&](const auto& f) {
    for (std::int64_t i = 0; i < count; ++i) v[i] = f(v[i]);
  };
  const auto hard = [&](float x) { return std::min(1.0f, std::max(0.0f, alpha * x + beta)); };
  switch (activation) {
    case Activation::none: return;
    case Activation::relu: return each([](float x) { return x < 0 ? 0.0f : x; });
    case Activation::clamp: return each([&](float x) { return std::min(beta, std::max(alpha, x)); });
    case Activation::leaky_relu: return each([&](float x) { return x < 0 ? alpha * x : x; });
    case Activation::hard_sigmoid: return each(hard);
    case Activation::hard_swish: return each([&](float x) { return x * hard(x); });
  }
}

// Adding 1.5 * 2^23 rounds to an integer, ties to even; the limits keep the sum in that binade. NaN gives 255.
void quantize(const float* v, std::int64_t count, float inv_scale, int zero_point, std::uint8_t* out) {
  constexpr float kMagic = 12582912.0f;
  const auto low = static_cast<float>(-zero_point), high = static_cast<float>(255 - zero_point);
  for (std::int64_t i = 0; i < count; ++i) {
    float level = v[i] * inv_scale;
    level = level < high ? level : high;
    level = level > low ? level : low;
    out[i] = static_cast<std::uint8_t>(std::bit_cast<std::int32_t>(level + kMagic) - 0x4b400000 + zero_point);
  }
}

enum class Kind { add, sub, mul };

class QBinaryStep : public PreparedStep {
 public:
  QBinaryStep(const PrepareContext& ctx, Kind kind)
      : kind_(kind), plan_(ops::plan_broadcast(*ctx.inputs[0], *ctx.inputs[1])) {
    a_.read(ctx.node.attributes, "a");
    b_.read(ctx.node.attributes, "b");
    out_.read(ctx.node.attributes, "y");
    activation_ = parse_activation(ctx.node.attributes.text("activation", "none"));
    alpha_ = ctx.node.attributes.real("alpha", 0);
    beta_ = ctx.node.attributes.real("beta", 0);
  }

  void run(EvalContext& ctx) const override {
    Tensor& y = ctx.output(0, out_.quantized ? DType::u8 : DType::f32, plan_.shape);
    const std::int64_t inner = plan_.dims[plan_.rank - 1];
    const std::int64_t rows = inner == 0 ? 0 : plan_.shape.elements() / inner, pieces = (inner + kChunk - 1) / kChunk;
    ctx.threads().parallel_for(rows * pieces, std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, std::min(inner, kChunk))),
                               [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) piece(ctx, y, i / pieces, i % pieces * kChunk);
    });
  }

  std::string kernel() const override { return "elementwise"; }

 private:
  void piece(EvalContext& ctx, Tensor& y, std::int64_t row, std::int64_t from) const {
    const int last = plan_.rank - 1;
    const std::int64_t count = std::min(kChunk, plan_.dims[last] - from);
    std::int64_t at_a = from * plan_.a[last], at_b = from * plan_.b[last], rest = row;
    for (int i = last - 1; i >= 0; --i) {
      const std::int64_t at = rest % plan_.dims[i];
      rest /= plan_.dims[i];
      at_a += at * plan_.a[i];
      at_b += at * plan_.b[i];
    }
    float a[kChunk], b[kChunk];
    a_.load(ctx.input(0), at_a, plan_.a[last], count, a);
    b_.load(ctx.input(1), at_b, plan_.b[last], count, b);
    combine(a, b, count);
    activate(activation_, alpha_, beta_, a, count);
    const std::int64_t to = row * plan_.dims[last] + from;
    if (out_.quantized) {
      quantize(a, count, 1 / out_.scale, static_cast<int>(out_.zero), y.data<std::uint8_t>() + to);
    } else {
      std::copy_n(a, count, y.data<float>() + to);
    }
  }

  void combine(float* a, const float* b, std::int64_t count) const {
    for (std::int64_t i = 0; i < count && kind_ == Kind::add; ++i) a[i] += b[i];
    for (std::int64_t i = 0; i < count && kind_ == Kind::sub; ++i) a[i] -= b[i];
    for (std::int64_t i = 0; i < count && kind_ == Kind::mul; ++i) a[i] *= b[i];
  }

  Kind kind_;
  ops::BroadcastPlan plan_;
  Operand a_, b_, out_;
  kernels::Activation activation_ = kernels::Activation::none;
  float alpha_ = 0, beta_ = 0;
};

template <Kind kKind>
std::unique_ptr<PreparedStep> prepare(const PrepareContext& ctx) {
  if (!ctx.inputs[0] || !ctx.inputs[1]) return nullptr;
  return std::make_unique<QBinaryStep>(ctx, kKind);
}

template <Kind kKind>
RuntimeOp row(const char* name) {
  OpDef def{.name = name, .domain = kDomain, .inputs = {2, 2}};
  def.eval = [](EvalContext& ctx) { evaluate_by_preparing(ctx, prepare<kKind>); };
  return {.def = def, .prepare = prepare<kKind>, .int8 = true};
}

}  // namespace

std::vector<RuntimeOp> qbinary_ops() { return {row<Kind::add>("QAdd"), row<Kind::sub>("QSub"), row<Kind::mul>("QMul")}; }

}  // namespace octet::runtime
