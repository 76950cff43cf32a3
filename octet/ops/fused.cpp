// Operators of the domain "octet": names for patterns that ONNX spells out, or has only from a later
// opset on. They never reach a file: rewrite::expand spells them out again.
//   Silu: y = x * sigmoid(x).
// (HardSwish, Gelu and LayerNormalization of that domain are ONNX's own, see op_list.cpp.)
#include <cmath>

#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"
#include "octet/ops/unary_gradient.h"

namespace octet::ops {
Rows fused() {
  return {{
      .name = "Silu",
      .domain = "octet",
      .since = 0,
      .infer = infer_same_as_input,
      .eval =
          [](EvalContext& ctx) {
            map_unary(ctx, [](auto x) {
              using T = decltype(x);
              if constexpr (std::is_floating_point_v<T>) {
                return x / (T{1} + std::exp(-x));
              } else {
                return x;
              }
            });
          },
      .gradient = unary_gradient("SiluGrad", Reads::input),
      .quant = {.kind = QuantRule::Kind::lookup, .fuses_into_producer = true},
      .samples = unary_samples,
  }};
}

}  // namespace octet::ops
