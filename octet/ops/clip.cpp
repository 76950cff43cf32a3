// Clip: y = min(max(x, low), high); either bound may be left out; low > high gives high; NaN stays.
//   before opset 11 the bounds are attributes, later inputs 1 and 2 (one element each, x's type).
// Source: ONNX Clip-6, Clip-13.
#include <limits>

#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

template <class T>
T lowest() {
  using C = Compute<T>;
  if constexpr (is_real<T>)
    return store<T>(-std::numeric_limits<C>::infinity());
  else
    return std::numeric_limits<T>::lowest();
}

template <class T>
T highest() {
  using C = Compute<T>;
  if constexpr (is_real<T>)
    return store<T>(std::numeric_limits<C>::infinity());
  else
    return std::numeric_limits<T>::max();
}

template <class T>
Compute<T> bound(const EvalContext& ctx, int slot, const char* attribute, T fallback) {
  const auto none = static_cast<Compute<T>>(fallback);
  if (ctx.opset() < 11) {
    if (!ctx.attributes().has(attribute)) return none;
    return static_cast<Compute<T>>(store<T>(ctx.attributes().real(attribute, 0)));
  }
  if (!ctx.has_input(slot)) return none;
  const Tensor& given = ctx.input(slot);
  if (given.elements() != 1) {
    throw ctx.error(ErrorKind::bad_input, "Clip: a bound must be a single number").value(to_string(given.shape()));
  }
  require_same_type(ctx, ctx.input(0), given);
  return static_cast<Compute<T>>(*given.data<T>());
}

void eval(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (std::is_same_v<T, bool>) {
      throw wrong_type(ctx, x.dtype(), "a number type");
    } else {
      if (ctx.opset() < 11 && !is_real<T>) throw wrong_type(ctx, x.dtype(), "a floating point type before opset 11");
      const Compute<T> low = bound<T>(ctx, 1, "min", lowest<T>()), high = bound<T>(ctx, 2, "max", highest<T>());
      map_elements<T, T>(ctx.threads(), x, ctx.output(0, x.dtype(), x.shape()), [=](Compute<T> v) {
        const Compute<T> raised = v < low ? low : v;
        return raised > high ? high : raised;
      });
    }
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out = unary_samples_with(random, make_attributes({{"min", -0.5f}, {"max", 1.0f}}));
  for (Sample& sample : out) sample.opset = 7;
  for (const Sample& plain : unary_samples(random)) {
    const DType dtype = plain.inputs[0].dtype();
    const Tensor low = Tensor::scalar(-0.5f).cast(dtype), high = Tensor::scalar(1.0f).cast(dtype);
    out.push_back({.inputs = {plain.inputs[0], low, high}, .opset = 11});
    out.push_back({.inputs = {plain.inputs[0], {}, high}});
    out.push_back({.inputs = {plain.inputs[0]}});
  }
  out.push_back({.inputs = {random_tensor(random, DType::i8, {40}, -90, 90), Tensor::scalar<std::int8_t>(-3),
                            Tensor::scalar<std::int8_t>(7)}});
  return out;
}

// A constant limit goes into an attribute; one that is computed is compared with.
void gradient(GradientContext& ctx) {
  const ValueId x = ctx.input(0), dy = ctx.output_gradient();
  Attributes limits;
  bool constant = true;
  for (const auto& [slot, name] : {std::pair{1, "min"}, std::pair{2, "max"}}) {
    if (ctx.attributes().has(name)) limits.set(name, ctx.attributes().real(name, 0));
    if (!ctx.has_input(slot)) continue;
    const Tensor* limit = ctx.constant(ctx.input(slot));
    constant = constant && limit != nullptr && limit->elements() == 1 && !ctx.wants(slot) &&
               static_cast<double>(static_cast<float>(limit->to_double()[0])) == limit->to_double()[0];
    if (constant) limits.set(name, static_cast<float>(limit->to_double()[0]));
  }
  if (constant) return ctx.set(0, ctx.emit_own("ClipGrad", {x, dy}, limits));
  ValueId dx = dy;
  for (const auto& [slot, compare] : {std::pair{1, "Less"}, std::pair{2, "Greater"}}) {
    if (!ctx.has_input(slot)) continue;
    const ValueId outside = ctx.emit(compare, {x, ctx.input(slot)});
    if (ctx.wants(slot)) ctx.set_sum(slot, ctx.emit("Where", {outside, dy, ctx.scalar(0, dy)}));
    dx = ctx.emit("Where", {outside, ctx.scalar(0, dy), dx});
  }
  ctx.set(0, dx);
}

}  // namespace

Rows clip() {
  return {{
      .name = "Clip",
      .since = 6,
      .inputs = {1, 3},
      .attributes = {"min", "max"},
      .infer = infer_same_as_input,
      .eval = eval,
      .gradient = gradient,
      .quant = {.kind = QuantRule::Kind::pass_through, .fuses_into_producer = true},
      .samples = samples,
  }};
}

}  // namespace octet::ops
