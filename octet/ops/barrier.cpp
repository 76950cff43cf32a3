// Barrier: y = x, domain octet. No clean-up looks through it: what is computed on either side stays two computations
// (recomputation of activations, octet/autograd/recompute.h).
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"
#include "octet/ops/samples.h"

namespace octet::ops {

Rows barrier() {
  return {{
      .name = "Barrier",
      .domain = "octet",
      .since = 0,
      .infer = infer_same_as_input,
      .eval = [](EvalContext& ctx) { ctx.set_output(0, ctx.input(0)); },
      .gradient = gradient_identity,
      .samples = unary_samples,
  }};
}

}  // namespace octet::ops
