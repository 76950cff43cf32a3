// Exp, Log, Sqrt, Reciprocal, Erf: elementwise on floating point types.
// Source: ONNX Exp-13, Log-13, Sqrt-13, Reciprocal-13, Erf-13.
#include <cmath>

#include "octet/ops/math_map.h"
#include "octet/ops/op_list.h"

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
  return {
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
}

}  // namespace octet::ops
