// Exp, Log, Sqrt, Reciprocal, Erf: elementwise on floating point types.
// Source: ONNX Exp-13, Log-13, Sqrt-13, Reciprocal-13, Erf-13.
#include <cmath>

#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

template <class F>
OpDef row(const char* name, F f, float low, float high) {
  return {
      .name = name,
      .infer = infer_same_as_input,
      .eval = [f](EvalContext& ctx) { map_real(ctx, f); },
      .samples = [=](Random& random) { return unary_samples_with(random, {}, low, high); },
  };
}

}  // namespace

Rows exponential() {
  return {
      row("Exp", [](auto x) { return std::exp(x); }, -5, 5),
      row("Log", [](auto x) { return std::log(x); }, 0.01f, 9),
      row("Sqrt", [](auto x) { return std::sqrt(x); }, 0, 9),
      row("Reciprocal", [](auto x) { return 1 / x; }, 0.1f, 9),
      row("Erf", [](auto x) { return std::erf(x); }, -4, 4),
  };
}

}  // namespace octet::ops
