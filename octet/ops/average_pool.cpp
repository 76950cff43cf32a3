// AveragePool: the mean of the elements under the window. With count_include_pad the padding counts as zeros, but
// not what lies beyond it where ceil_mode lets the window stick out.  Source: ONNX AveragePool-19.
#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"
#include "octet/ops/pool.h"
#include "octet/ops/wide.h"

namespace octet::ops {
namespace {

void eval(EvalContext& ctx) {
  const SymbolicShape x_shape = symbolic(ctx.input(0).shape());
  const Window window = pool_window(ctx.attributes(), x_shape);
  const bool count_padding = ctx.attributes().integer("count_include_pad", 0) != 0;
  const Shape out = *static_shape(pooled_shape(window, x_shape));
  const Tensor x = widened(ctx.input(0));
  fill_output(ctx, 0, ctx.input(0).dtype(), out, [&](Tensor& y) {
    dispatch_float(x.dtype(), [&]<class T>() {
      const T* from = x.data<T>();
      T* to = y.data<T>();
      const std::int64_t plane_in = window.input_elements(), positions = window.positions();
      for_each_window(ctx.threads(), window, out[0] * out[1],
                      [&](std::int64_t plane, std::int64_t position, const std::vector<std::int64_t>& offsets) {
                        T sum{0};
                        for (const std::int64_t offset : offsets) sum += from[plane * plane_in + offset];
                        const std::int64_t count = count_padding ? taps_within_padding(window, position)
                                                                 : static_cast<std::int64_t>(offsets.size());
                        to[plane * positions + position] = count == 0 ? T{0} : sum / static_cast<T>(count);
                      });
    });
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out = pool_samples(random, true);
  for (Sample& s : pool_samples(random, true)) {
    s.attributes.set("count_include_pad", std::int64_t{1});
    out.push_back(std::move(s));
  }
  return out;
}

}  // namespace

Rows average_pool() {
  return {{
      .name = "AveragePool",
      .inputs = {1, 1},
      .attributes = {"auto_pad", "ceil_mode", "count_include_pad", "dilations", "kernel_shape", "pads", "strides"},
      .infer = infer_pool,
      .eval = eval,
      .gradient =
          [](GradientContext& ctx) {
            const ValueId shape = ctx.shape_of(ctx.input(0));
            ctx.set(0, ctx.emit_own("AveragePoolGrad", {ctx.output_gradient(), shape}, ctx.attributes()));
          },
      .quant = {.kind = QuantRule::Kind::arithmetic},
      .samples = samples,
  }};
}

}  // namespace octet::ops
