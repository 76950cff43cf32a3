// Gradient-only operators of Softmax and LogSoftmax, domain octet, along `axis` (default -1), or with flatten = 1
// over all of [axis, rank) taken as one, as before opset 13:
//   SoftmaxGrad(y, dy):    dx_i = y_i (dy_i - sum_j dy_j y_j)
//   LogSoftmaxGrad(y, dy): dx_i = dy_i - exp(y_i) sum_j dy_j
#include <algorithm>
#include <cmath>

#include "octet/ops/axes.h"
#include "octet/ops/op_list.h"
#include "octet/ops/unary_gradient.h"

namespace octet::ops {
namespace {

AxisSplit rows_of(const EvalContext& ctx, const Shape& shape) {
  const std::int64_t axis = ctx.attributes().integer("axis", -1);
  if (ctx.attributes().integer("flatten", 0) != 0) {
    const int first = axis == shape.rank() ? shape.rank() : normalize_axis(axis, std::max(1, shape.rank()));
    return {shape.elements(0, first), shape.elements(first, shape.rank()), 1};
  }
  return shape.rank() == 0 ? AxisSplit{} : split_at(shape, normalize_axis(axis, shape.rank()));
}

void infer(InferContext& ctx) {
  infer_same_as_input(ctx);
  if (!ctx.has_shape(0) || ctx.rank(0) == 0) return;
  const std::int64_t axis = ctx.attributes().integer("axis", -1);
  if (ctx.attributes().integer("flatten", 0) == 0 || axis != ctx.rank(0)) normalize_axis(axis, ctx.rank(0));
}

// row(y, dy, dx, count, stride)
template <class F>
void by_rows(EvalContext& ctx, const F& row) {
  check_same_type(ctx, 0, 1);
  if (!(ctx.input(0).shape() == ctx.input(1).shape())) {
    throw ctx.error(ErrorKind::bad_input, "a gradient does not fit its tensor")
        .value(to_string(ctx.input(1).shape()))
        .expected(to_string(ctx.input(0).shape()));
  }
  const Tensor y = widened(ctx.input(0)), dy = widened(ctx.input(1));
  const AxisSplit s = rows_of(ctx, y.shape());
  fill_output(ctx, 0, ctx.input(0).dtype(), y.shape(), [&](Tensor& dx) {
    dispatch_float(y.dtype(), [&]<class T>() {
      const std::int64_t grain = std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, s.size));
      ctx.threads().parallel_for(s.outer * s.inner, grain, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t r = begin; r < end; ++r) {
          const std::int64_t first = r / s.inner * s.size * s.inner + r % s.inner;
          row(y.data<T>() + first, dy.data<T>() + first, dx.data<T>() + first, s.size, s.inner);
        }
      });
    });
  });
}

struct SoftmaxRow {
  template <class T>
  void operator()(const T* y, const T* dy, T* dx, std::int64_t count, std::int64_t stride) const {
    double dot = 0;
    for (std::int64_t i = 0; i < count; ++i) dot += static_cast<double>(y[i * stride] * dy[i * stride]);
    for (std::int64_t i = 0; i < count; ++i) {
      dx[i * stride] = y[i * stride] * (dy[i * stride] - static_cast<T>(dot));
    }
  }
};

struct LogSoftmaxRow {
  template <class T>
  void operator()(const T* y, const T* dy, T* dx, std::int64_t count, std::int64_t stride) const {
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(dy[i * stride]);
    for (std::int64_t i = 0; i < count; ++i) {
      dx[i * stride] = dy[i * stride] - std::exp(y[i * stride]) * static_cast<T>(sum);
    }
  }
};

OpDef row(const char* name, std::function<void(EvalContext&)> eval) {
  OpDef op = gradient_row(name, {"axis", "flatten"}, std::move(eval));
  op.infer = infer;
  op.samples = [](Random& random) {
    std::vector<Sample> out;
    for (const std::int64_t axis : {0, 1, -1}) {
      for (const std::int64_t flatten : {0, 1}) {
        out.push_back(
            {make_attributes({{"axis", axis}, {"flatten", flatten}}),
             {random_tensor(random, DType::f32, {3, 4, 5}, -1, 0), random_tensor(random, DType::f32, {3, 4, 5})}});
      }
    }
    out.push_back({{}, {random_tensor(random, DType::f32, {0, 3}), random_tensor(random, DType::f32, {0, 3})}});
    return out;
  };
  return op;
}

}  // namespace

Rows softmax_gradient() {
  return {row("SoftmaxGrad", [](EvalContext& ctx) { by_rows(ctx, SoftmaxRow{}); }),
          row("LogSoftmaxGrad", [](EvalContext& ctx) { by_rows(ctx, LogSoftmaxRow{}); })};
}

}  // namespace octet::ops
