// Relu: y = max(x, 0).  Source: ONNX Relu-14.
#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"
#include "octet/ops/unary_gradient.h"

namespace octet::ops {

Rows relu() {
  return {{
      .name = "Relu",
      .infer = infer_same_as_input,
      .eval =
          [](EvalContext& ctx) {
            map_unary(ctx, [](auto x) { return x > decltype(x){0} || x != x ? x : decltype(x){0}; });
          },
      .gradient = unary_gradient("ReluGrad", Reads::output),
      .quant = {.kind = QuantRule::Kind::pass_through, .fuses_into_producer = true},
      .samples = unary_samples,
  }};
}

}  // namespace octet::ops
