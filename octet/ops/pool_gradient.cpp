// Gradient-only operators of the pools, domain octet; the attributes are the pool's:
//   MaxPoolGrad(x, dy):                 dy goes to the first greatest element under each window
//   AveragePoolGrad(dy, shape of x):    dy is shared equally among the elements under each window
//   MeanGrad(dy, shape of x):           dy, which has one element where x has many, over how many those are
#include <algorithm>

#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"
#include "octet/ops/pool.h"
#include "octet/ops/wide.h"

namespace octet::ops {
namespace {

// to(plane, position, offsets, dx of the plane) for every window; a plane belongs to one thread.
template <class T, class Body>
void spread(EvalContext& ctx, const Window& window, std::int64_t planes, T* dx, const Body& body) {
  const std::int64_t plane_in = window.input_elements();
  std::fill_n(dx, planes * plane_in, T{0});
  for_each_window(ctx.threads(), window, planes,
                  [&](std::int64_t plane, std::int64_t position, const std::vector<std::int64_t>& offsets) {
                    body(plane, position, offsets, dx + plane * plane_in);
                  });
}

void check_gradient(const EvalContext& ctx, const Window& window, const SymbolicShape& x, const Shape& dy) {
  const SymbolicShape wanted = pooled_shape(window, x);
  if (*static_shape(wanted) == dy) return;
  throw ctx.error(ErrorKind::bad_input, "the gradient is not that of this pool's output")
      .value(to_string(dy))
      .expected(to_string(wanted));
}

void eval_max(EvalContext& ctx) {
  check_same_type(ctx, 0, 1);
  const Tensor x = widened(ctx.input(0)), dy = widened(ctx.input(1));
  const SymbolicShape x_shape = symbolic(x.shape());
  const Window window = pool_window(ctx.attributes(), x_shape);
  check_gradient(ctx, window, x_shape, dy.shape());
  const std::int64_t positions = window.positions(), plane_in = window.input_elements();
  fill_output(ctx, 0, ctx.input(0).dtype(), x.shape(), [&](Tensor& dx) {
    dispatch_float(x.dtype(), [&]<class T>() {
      spread(ctx, window, x.dim(0) * x.dim(1), dx.data<T>(),
             [&](std::int64_t plane, std::int64_t position, const std::vector<std::int64_t>& offsets, T* to) {
               const T* from = x.data<T>() + plane * plane_in;
               if (offsets.empty()) return;
               std::int64_t best = offsets.front();
               for (const std::int64_t offset : offsets) {
                 if (from[offset] > from[best] || from[offset] != from[offset]) best = offset;
                 if (from[best] != from[best]) break;
               }
               to[best] += dy.data<T>()[plane * positions + position];
             });
    });
  });
}

void eval_average(EvalContext& ctx) {
  const Tensor dy = widened(ctx.input(0));
  const Shape shape = shape_from(ctx, ctx.input(1));
  const Window window = pool_window(ctx.attributes(), symbolic(shape));
  check_gradient(ctx, window, symbolic(shape), dy.shape());
  const bool count_padding = ctx.attributes().integer("count_include_pad", 0) != 0;
  const std::int64_t positions = window.positions();
  fill_output(ctx, 0, ctx.input(0).dtype(), shape, [&](Tensor& dx) {
    dispatch_float(dy.dtype(), [&]<class T>() {
      spread(ctx, window, shape[0] * shape[1], dx.data<T>(),
             [&](std::int64_t plane, std::int64_t position, const std::vector<std::int64_t>& offsets, T* to) {
               const std::int64_t count =
                   count_padding ? taps_within_padding(window, position) : static_cast<std::int64_t>(offsets.size());
               if (count == 0) return;
               const T share = dy.data<T>()[plane * positions + position] / static_cast<T>(count);
               for (const std::int64_t offset : offsets) to[offset] += share;
             });
    });
  });
}

void infer_shape_input(InferContext& ctx) {
  if (const auto elements = ctx.elements(1)) return ctx.set_output(0, ctx.dtype(0), *elements);
  ctx.set_output(0, ctx.dtype(0));
}

void eval_mean(EvalContext& ctx) {
  const Tensor dy = widened(ctx.input(0));
  const Shape shape = shape_from(ctx, ctx.input(1));
  const BroadcastPlan plan = plan_broadcast(dy.shape(), shape);
  if (!(plan.shape == shape)) {
    throw ctx.error(ErrorKind::bad_input, "the gradient is not that of a mean of such a tensor")
        .value(to_string(dy.shape()))
        .expected("a shape that broadcasts to " + to_string(shape));
  }
  fill_output(ctx, 0, ctx.input(0).dtype(), shape, [&](Tensor& dx) {
    dispatch_float(dy.dtype(), [&]<class T>() {
      if (dx.elements() == 0) return;
      const std::int64_t each = shape.elements() / dy.elements();
      broadcast_loop(ctx.threads(), plan, dy.data<T>(), dx.data<T>(), dx.data<T>(),
                     [count = static_cast<T>(each)](T v, T) { return v / count; });
    });
  });
}

Tensor shape_tensor(const Shape& shape) { return Tensor::from<std::int64_t>({shape.rank()}, shape.dims()); }

std::vector<Sample> samples(Random& random, bool max) {
  std::vector<Sample> out;
  for (const Sample& pool : pool_samples(random, true)) {
    const Tensor& x = pool.inputs[0];
    const SymbolicShape shape = symbolic(x.shape());
    const Shape dy = *static_shape(pooled_shape(pool_window(pool.attributes, shape), shape));
    const Tensor gradient = random_tensor(random, x.dtype(), dy);
    out.push_back({pool.attributes, max ? std::vector{x, gradient} : std::vector{gradient, shape_tensor(x.shape())}});
  }
  return out;
}

std::vector<Sample> mean_samples(Random& random) {
  return {{.inputs = {random_tensor(random, DType::f32, {2, 1, 4}), shape_tensor({2, 3, 4})}},
          {.inputs = {random_tensor(random, DType::f32, {2, 3, 1, 1}), shape_tensor({2, 3, 5, 7})}},
          {.inputs = {random_tensor(random, DType::f32, {}), shape_tensor({6})}},
          {.inputs = {random_tensor(random, DType::f32, {0, 1}), shape_tensor({0, 3})}}};
}

}  // namespace

Rows pool_gradient() {
  const std::vector<std::string> window = {"auto_pad", "ceil_mode", "dilations", "kernel_shape", "pads", "strides"};
  std::vector<std::string> of_max = window, of_average = window;
  of_max.emplace_back("storage_order");
  of_average.emplace_back("count_include_pad");
  return {
      {.name = "MaxPoolGrad",
       .domain = "octet",
       .since = 0,
       .inputs = {2, 2},
       .attributes = of_max,
       .infer = infer_same_as_input,
       .eval = eval_max,
       .samples = [](Random& random) { return samples(random, true); }},
      {.name = "AveragePoolGrad",
       .domain = "octet",
       .since = 0,
       .inputs = {2, 2},
       .attributes = of_average,
       .infer = infer_shape_input,
       .eval = eval_average,
       .samples = [](Random& random) { return samples(random, false); }},
      {.name = "MeanGrad",
       .domain = "octet",
       .since = 0,
       .inputs = {2, 2},
       .infer = infer_shape_input,
       .eval = eval_mean,
       .samples = mean_samples},
  };
}

}  // namespace octet::ops
