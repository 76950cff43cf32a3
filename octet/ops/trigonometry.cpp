// Sin, Cos, Tan, their inverses, their hyperbolic forms and the inverses of those, in radians.
// Source: ONNX Sin-7 ... Atan-7, Sinh-9, Cosh-9, Asinh-9, Acosh-9, Atanh-9.
#include <cmath>

#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"
#include "octet/ops/unary_gradient.h"

namespace octet::ops {
namespace {

// Values are drawn from [low, high), within the function's domain.
template <class F>
OpDef row(const char* name, int since, F f, float low = -2, float high = 2) {
  return {
      .name = name,
      .since = since,
      .infer = infer_same_as_input,
      .eval = [f](EvalContext& ctx) { map_real(ctx, f); },
      .samples = [=](Random& random) { return unary_samples_with(random, {}, low, high); },
  };
}

}  // namespace

Rows trigonometry() {
  Rows rows = {
      row(
          "Sin", 7, [](auto x) { return std::sin(x); }, -9, 9),
      row(
          "Cos", 7, [](auto x) { return std::cos(x); }, -9, 9),
      row(
          "Tan", 7, [](auto x) { return std::tan(x); }, -1.2f, 1.2f),
      row(
          "Asin", 7, [](auto x) { return std::asin(x); }, -1, 1),
      row(
          "Acos", 7, [](auto x) { return std::acos(x); }, -1, 1),
      row("Atan", 7, [](auto x) { return std::atan(x); }),
      row("Sinh", 9, [](auto x) { return std::sinh(x); }),
      row("Cosh", 9, [](auto x) { return std::cosh(x); }),
      row("Asinh", 9, [](auto x) { return std::asinh(x); }),
      row(
          "Acosh", 9, [](auto x) { return std::acosh(x); }, 1, 9),
      row(
          "Atanh", 9, [](auto x) { return std::atanh(x); }, -0.9f, 0.9f),
  };
  for (OpDef& op : rows) op.gradient = unary_gradient(op.name + "Grad", Reads::input);
  return rows;
}

}  // namespace octet::ops
