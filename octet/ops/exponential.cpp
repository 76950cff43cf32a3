// Exp, Log, Sqrt, Reciprocal, Erf: elementwise on floating point types.
// Source: ONNX Exp-13, Log-13, Sqrt-13, Reciprocal-13, Erf-13.
#include <cmath>

#include "octet/ops/math_map.h"
#include "octet/ops/op_list.h"
#include "octet/ops/unary_gradient.h"

namespace octet::ops {
namespace {

// `kernel`: the fast form for float; null where the plain loop is as fast.
template <class F>
OpDef row(const char* name, kernels::MathMap kernels::MathTable::* kernel, F f, float low, float high) {
  return {
      .name = name,
      .infer = infer_same_as_input,
      .eval =
          [=](EvalContext& ctx) {
            if (kernel == nullptr) return map_real(ctx, f);
            map_kernel(ctx, kernels::math().*kernel, f);
          },
      .samples = [=](Random& random) { return unary_samples_with(random, {}, low, high); },
  };
}

}  // namespace

Rows exponential() {
  Rows rows = {
      row(
          "Exp", &kernels::MathTable::exp, [](auto x) { return std::exp(x); }, -5, 5),
      row(
          "Log", nullptr, [](auto x) { return std::log(x); }, 0.01f, 9),
      row(
          "Sqrt", nullptr, [](auto x) { return std::sqrt(x); }, 0, 9),
      row(
          "Reciprocal", nullptr, [](auto x) { return 1 / x; }, 0.1f, 9),
      row(
          "Erf", &kernels::MathTable::erf, [](auto x) { return std::erf(x); }, -4, 4),
  };
  rows[0].gradient = [](GradientContext& ctx) { ctx.set(0, ctx.mul(ctx.output_gradient(), ctx.output())); };
  rows[1].gradient = [](GradientContext& ctx) { ctx.set(0, ctx.div(ctx.output_gradient(), ctx.input(0))); };
  rows[2].gradient = unary_gradient("SqrtGrad", Reads::output);
  rows[3].gradient = unary_gradient("ReciprocalGrad", Reads::output);
  rows[4].gradient = unary_gradient("ErfGrad", Reads::input);
  return rows;
}

}  // namespace octet::ops
