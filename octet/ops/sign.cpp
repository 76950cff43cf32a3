// Abs, Neg, Sign: elementwise on every number type; the most negative integer stays itself under Abs and Neg.
// Source: ONNX Abs-13, Neg-13, Sign-13.
#include <cmath>
#include <type_traits>

#include "octet/ops/element_rules.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"
#include "octet/ops/unary_gradient.h"

namespace octet::ops {
namespace {

template <class T>
T negate(T x) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(0 - static_cast<std::uint64_t>(x));
  } else {
    return -x;
  }
}

template <class T>
T absolute(T x) {
  if constexpr (std::is_floating_point_v<T>) {
    return std::signbit(x) ? -x : x;
  } else {
    return x < T{0} ? negate(x) : x;
  }
}

template <class T>
T sign(T x) {
  if (x != x) return x;
  return static_cast<T>((T{0} < x) - (x < T{0}));
}

template <class F>
OpDef row(const char* name, F f, QuantRule quant) {
  return {
      .name = name,
      .infer = infer_same_as_input,
      .eval = [f](EvalContext& ctx) { map_unary(ctx, f); },
      .quant = quant,
      .samples =
          [](Random& random) {
            std::vector<Sample> out = unary_samples(random);
            out.push_back({.inputs = {random_tensor(random, DType::i8, {4, 9}, -9, 9)}});
            return out;
          },
  };
}

void infer_negate(InferContext& ctx) {
  infer_same_as_input(ctx);
  std::optional<std::vector<Element>> elements = known_elements(ctx, 0);
  if (!elements) return;
  for (Element& element : *elements) element = element_rules::subtract({0, {}}, element);
  state_elements(ctx, *elements);
}

}  // namespace

Rows sign() {
  const QuantRule lookup = {.kind = QuantRule::Kind::lookup};
  Rows rows = {
      row(
          "Abs", [](auto x) { return absolute(x); }, lookup),
      row(
          "Neg", [](auto x) { return negate(x); }, lookup),
      row("Sign", [](auto x) { return sign(x); }, {}),
  };
  rows[1].infer = infer_negate;
  rows[0].gradient = unary_gradient("AbsGrad", Reads::input);
  rows[1].gradient = [](GradientContext& ctx) { ctx.set(0, ctx.neg(ctx.output_gradient())); };
  rows[2].zero_gradient = true;
  return rows;
}

}  // namespace octet::ops
