// Ceil, Floor, Round: elementwise on floating point types; Round takes halves to the even integer.
// Source: ONNX Ceil-13, Floor-13, Round-11.
#include <cmath>

#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

template <class F>
OpDef row(const char* name, F f) {
  return {
      .name = name,
      .infer = infer_same_as_input,
      .eval = [f](EvalContext& ctx) { map_real(ctx, f); },
      .zero_gradient = true,
      .samples =
          [](Random& random) {
            std::vector<Sample> out = unary_samples(random);
            out.push_back({.inputs = {Tensor::from<float>({7}, {-2.5f, -1.5f, -0.5f, 0.5f, 1.5f, 2.5f, 1e30f})}});
            return out;
          },
  };
}

}  // namespace

Rows rounding() {
  return {
      row("Ceil", [](auto x) { return std::ceil(x); }),
      row("Floor", [](auto x) { return std::floor(x); }),
      // The default rounding mode is to nearest even, which is what this asks for.
      row("Round", [](auto x) { return std::nearbyint(x); }),
  };
}

}  // namespace octet::ops
