// LayerNormGrad(x, scale, dy) -> dx, dscale, dbias, domain octet; the attributes are LayerNormalization's.
//   h = (x - mean) / deviation over all axes from `axis` on, g = dy scale:
//   dx = (g - mean(g) - h mean(g h)) / deviation, dscale = dy h and dbias = dy, summed to scale's shape.
// Sums run in double, each in one order.  Source: Ba et al. 2016 (arXiv 1607.06450).
#include <cmath>

#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"
#include "octet/ops/sum_to.h"
#include "octet/ops/wide.h"

namespace octet::ops {
namespace {

void infer(InferContext& ctx) {
  infer_same_as_input(ctx);
  if (ctx.has_shape(0)) normalize_axis(ctx.attributes().integer("axis", -1), ctx.rank(0));
  for (int i = 1; i < ctx.output_count(); ++i) {
    if (ctx.has_shape(1)) {
      ctx.set_output(i, ctx.dtype(1), ctx.shape(1));
    } else {
      ctx.set_output(i, ctx.dtype(1));
    }
  }
}

// One row: dx, and h dy into `product`.
template <class T>
void row_gradient(const T* x, const T* scaled, const T* dy, std::int64_t count, double epsilon, T* dx, T* product) {
  double mean = 0, variance = 0, sum = 0, dot = 0;
  for (std::int64_t i = 0; i < count; ++i) mean += static_cast<double>(x[i]);
  mean /= static_cast<double>(count);
  for (std::int64_t i = 0; i < count; ++i) {
    const double d = static_cast<double>(x[i]) - mean;
    variance += d * d;
  }
  const double inverse = 1 / std::sqrt(variance / static_cast<double>(count) + epsilon);
  for (std::int64_t i = 0; i < count; ++i) {
    sum += static_cast<double>(scaled[i]);
    dot += static_cast<double>(scaled[i]) * (static_cast<double>(x[i]) - mean) * inverse;
  }
  sum /= static_cast<double>(count);
  dot /= static_cast<double>(count);
  for (std::int64_t i = 0; i < count; ++i) {
    const double h = (static_cast<double>(x[i]) - mean) * inverse;
    dx[i] = static_cast<T>((static_cast<double>(scaled[i]) - sum - h * dot) * inverse);
    product[i] = static_cast<T>(h) * dy[i];
  }
}

void copy_as(const Tensor& from, Tensor& to) { from.cast_into(to, 0, to.elements()); }

void eval(EvalContext& ctx) {
  check_same_type(ctx, 0, 2);
  const Tensor x = widened(ctx.input(0)), scale = ctx.input(1).cast(x.dtype()), dy = widened(ctx.input(2));
  const int axis = normalize_axis(ctx.attributes().integer("axis", -1), x.rank());
  if (!(x.shape() == dy.shape()) || !(broadcast(x.shape(), scale.shape()) == x.shape())) {
    throw ctx.error(ErrorKind::bad_input, "the gradient or scale does not fit the tensor")
        .value(to_string(dy.shape()) + " and " + to_string(scale.shape()))
        .expected(to_string(x.shape()));
  }
  const double epsilon = ctx.attributes().real("epsilon", 1e-5f);
  const std::int64_t rows = x.shape().elements(0, axis), count = x.shape().elements(axis, x.rank());
  Tensor product(x.dtype(), x.shape()), dx(x.dtype(), x.shape());
  dispatch_float(x.dtype(), [&]<class T>() {
    Tensor scaled(x.dtype(), x.shape());
    broadcast_loop(ctx.threads(), plan_broadcast(dy.shape(), scale.shape()), dy.data<T>(), scale.data<T>(),
                   scaled.data<T>(), [](T a, T b) { return a * b; });
    ctx.threads().parallel_for(rows, std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, count)),
                               [&](std::int64_t begin, std::int64_t end) {
                                 for (std::int64_t r = begin; r < end; ++r) {
                                   const std::int64_t at = r * count;
                                   row_gradient(x.data<T>() + at, scaled.data<T>() + at, dy.data<T>() + at, count,
                                                epsilon, dx.data<T>() + at, product.data<T>() + at);
                                 }
                               });
  });
  if (ctx.wants_output(0)) copy_as(dx, ctx.output(0, ctx.input(0).dtype(), x.shape()));
  for (const auto& [slot, terms] : {std::pair{1, product}, std::pair{2, dy}}) {
    if (!ctx.wants_output(slot)) continue;
    copy_as(summed_to(ctx.threads(), terms, scale.shape()), ctx.output(slot, ctx.input(1).dtype(), scale.shape()));
  }
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  const std::pair<Shape, Shape> shapes[] = {
      {{2, 3, 4, 5}, {5}}, {{2, 3, 8}, {1}}, {{6, 40}, {40}}, {{2, 3, 5}, {2, 1, 5}}};
  for (const auto& [x, scale] : shapes) {
    out.push_back({.inputs = {random_tensor(random, DType::f32, x), random_tensor(random, DType::f32, scale),
                              random_tensor(random, DType::f32, x)},
                   .outputs = 3});
  }
  out.push_back(out[0]);
  out.back().attributes = make_attributes({{"axis", 2}, {"epsilon", 1e-3f}});
  return out;
}

}  // namespace

Rows layer_norm_gradient() {
  return {{.name = "LayerNormGrad",
           .domain = "octet",
           .since = 0,
           .inputs = {3, 3},
           .outputs = {1, 3},
           .attributes = {"axis", "epsilon", "stash_type"},
           .infer = infer,
           .eval = eval,
           .samples = samples}};
}

}  // namespace octet::ops
