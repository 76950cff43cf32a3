// GlobalAveragePool, GlobalMaxPool, GlobalLpPool: [N, C, D1, ...] -> [N, C, 1, ...], each over a whole plane.
// Source: ONNX GlobalAveragePool-1, GlobalMaxPool-1, GlobalLpPool-2.
#include <cmath>
#include <limits>

#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"
#include "octet/ops/wide.h"
#include "octet/ops/window.h"

namespace octet::ops {
namespace {

void infer(InferContext& ctx) {
  if (!ctx.has_shape(0)) return ctx.set_output(0, ctx.dtype(0));
  check_spatial_rank(ctx.shape(0));
  SymbolicShape out(ctx.shape(0).size(), Dim(1));
  out[0] = ctx.shape(0)[0];
  out[1] = ctx.shape(0)[1];
  ctx.set_output(0, ctx.dtype(0), out);
}

// y[plane] = f(x of the plane, elements).
template <class F>
void reduce_planes(EvalContext& ctx, const F& f) {
  const Tensor x = widened(ctx.input(0));
  check_spatial_rank(symbolic(x.shape()));
  const std::int64_t plane = x.shape().elements(2, x.rank()), planes = x.dim(0) * x.dim(1);
  if (plane == 0 && planes != 0) {
    throw ctx.error(ErrorKind::bad_input, "nothing to pool over").value(to_string(x.shape()));
  }
  Shape out = x.shape();
  for (int i = 2; i < out.rank(); ++i) out[i] = 1;
  fill_output(ctx, 0, ctx.input(0).dtype(), out, [&](Tensor& y) {
    dispatch_float(x.dtype(), [&]<class T>() {
      const T* from = x.data<T>();
      T* to = y.data<T>();
      const std::int64_t grain = std::max<std::int64_t>(1, 32768 / std::max<std::int64_t>(1, plane));
      ctx.threads().parallel_for(planes, grain, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) to[i] = static_cast<T>(f(from + i * plane, plane));
      });
    });
  });
}

void average(EvalContext& ctx) {
  reduce_planes(ctx, [](const auto* x, std::int64_t n) {
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]);
    return sum / static_cast<double>(n);
  });
}

void maximum(EvalContext& ctx) {
  reduce_planes(ctx, [](const auto* x, std::int64_t n) {
    auto best = x[0];
    for (std::int64_t i = 1; i < n; ++i) best = x[i] > best || x[i] != x[i] ? x[i] : best;
    return best;
  });
}

void norm(EvalContext& ctx) {
  const std::int64_t p = ctx.attributes().integer("p", 2);
  if (p < 1) throw ctx.error(ErrorKind::bad_input, "p is not positive").value(std::to_string(p));
  reduce_planes(ctx, [p](const auto* x, std::int64_t n) {
    double sum = 0;
    for (std::int64_t i = 0; i < n; ++i) sum += std::pow(std::abs(static_cast<double>(x[i])), static_cast<double>(p));
    return std::pow(sum, 1 / static_cast<double>(p));
  });
}

// Elements that are equal to the maximum share the gradient.
void gradient_of_maximum(GradientContext& ctx) {
  const ValueId x = ctx.input(0), dy = ctx.output_gradient();
  const ValueId mask = ctx.mask(ctx.emit("Equal", {x, ctx.output()}), dy);
  ctx.set(0, ctx.mul(mask, ctx.div(dy, ctx.sum_to(mask, dy))));
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  for (const Shape& shape :
       {Shape{2, 3, 5, 7}, Shape{1, 4, 9}, Shape{1, 2, 3, 4, 5}, Shape{1, 2, 1, 1}, Shape{0, 2, 3, 3}}) {
    out.push_back({{}, {random_tensor(random, DType::f32, shape)}});
  }
  for (const DType dtype : {DType::f64, DType::f16}) out.push_back({{}, {random_tensor(random, dtype, {1, 3, 4, 4})}});
  return out;
}

std::vector<Sample> norm_samples(Random& random) {
  std::vector<Sample> out = samples(random);
  for (std::size_t i = 1; i < out.size(); ++i) out[i].attributes.set("p", static_cast<std::int64_t>(i % 4 + 1));
  return out;
}

}  // namespace

Rows global_pool() {
  return {
      {.name = "GlobalAveragePool",
       .infer = infer,
       .eval = average,
       .gradient =
           [](GradientContext& ctx) {
             ctx.set(0, ctx.emit_own("MeanGrad", {ctx.output_gradient(), ctx.shape_of(ctx.input(0))}));
           },
       .quant = {.kind = QuantRule::Kind::arithmetic},
       .samples = samples},
      {.name = "GlobalMaxPool",
       .infer = infer,
       .eval = maximum,
       .gradient = gradient_of_maximum,
       .quant = {.kind = QuantRule::Kind::pass_through},
       .samples = samples},
      {.name = "GlobalLpPool", .attributes = {"p"}, .infer = infer, .eval = norm, .samples = norm_samples},
  };
}

}  // namespace octet::ops
