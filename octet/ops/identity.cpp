// Identity: y = x, sharing the data.  Source: ONNX Identity-19.
#include "octet/ops/element_rules.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"
#include "octet/ops/samples.h"

namespace octet::ops {

Rows identity() {
  return {{
      .name = "Identity",
      .infer =
          [](InferContext& ctx) {
            infer_same_as_input(ctx);
            pass_elements(ctx, 0);
          },
      .eval = [](EvalContext& ctx) { ctx.set_output(0, ctx.input(0)); },
      .gradient = gradient_identity,
      .quant = {.kind = QuantRule::Kind::pass_through},
      .samples = unary_samples,
  }};
}

}  // namespace octet::ops
