// LpPool: (sum of |x|^p under the window)^(1/p).  Source: ONNX LpPool-18.
#include <cmath>

#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"
#include "octet/ops/pool.h"
#include "octet/ops/wide.h"

namespace octet::ops {
namespace {

void eval(EvalContext& ctx) {
  const SymbolicShape x_shape = symbolic(ctx.input(0).shape());
  const Window window = pool_window(ctx.attributes(), x_shape);
  const std::int64_t p = ctx.attributes().integer("p", 2);
  if (p < 1) throw ctx.error(ErrorKind::bad_input, "p is not positive").value(std::to_string(p));
  const Shape out = *static_shape(pooled_shape(window, x_shape));
  const Tensor x = widened(ctx.input(0));
  fill_output(ctx, 0, ctx.input(0).dtype(), out, [&](Tensor& y) {
    dispatch_float(x.dtype(), [&]<class T>() {
      const T *from = x.data<T>(), power = static_cast<T>(p);
      T* to = y.data<T>();
      const std::int64_t plane_in = window.input_elements(), positions = window.positions();
      for_each_window(ctx.threads(), window, out[0] * out[1],
                      [&](std::int64_t plane, std::int64_t position, const std::vector<std::int64_t>& offsets) {
                        T sum{0};
                        for (const std::int64_t o : offsets)
                          sum += std::pow(std::abs(from[plane * plane_in + o]), power);
                        to[plane * positions + position] = std::pow(sum, T{1} / power);
                      });
    });
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out = pool_samples(random, true);
  for (std::size_t i = 0; i < out.size(); ++i) {
    if (i % 3 != 0) out[i].attributes.set("p", static_cast<std::int64_t>(i % 3 + i % 2));
  }
  return out;
}

}  // namespace

Rows lp_pool() {
  return {{
      .name = "LpPool",
      .inputs = {1, 1},
      .attributes = {"auto_pad", "ceil_mode", "dilations", "kernel_shape", "p", "pads", "strides"},
      .infer = infer_pool,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
