// Clip: y = min(max(x, low), high); either bound may be left out; low > high gives high; NaN stays.
//   before opset 11 the bounds are attributes, later inputs 1 and 2 (one element each, x's type).
// Source: ONNX Clip-6, Clip-13.
#include <limits>

#include "octet/ops/elementwise.h"
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

}  // namespace

Rows clip() {
  return {{
      .name = "Clip",
      .since = 6,
      .inputs = {1, 3},
      .attributes = {"min", "max"},
      .infer = infer_same_as_input,
      .eval = eval,
      .quant = {.kind = QuantRule::Kind::pass_through, .fuses_into_producer = true},
      .samples = samples,
  }};
}

}  // namespace octet::ops
