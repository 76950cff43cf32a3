// LpNormalization: y = x / |x|_p along an axis, p = 1 or 2 (default 2); a row of norm 0 gives 0.
// Source: ONNX LpNormalization-22 (and 1, which leaves a norm of 0 open).
#include <cmath>

#include "octet/ops/axes.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

template <class T>
void normalize(ThreadPool& threads, const T* x, T* y, const AxisSplit& s, bool squares) {
  const std::int64_t grain = std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, s.size));
  threads.parallel_for(s.outer * s.inner, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t line = begin; line < end; ++line) {
      const std::int64_t first = line / s.inner * s.size * s.inner + line % s.inner;
      const auto at = [&](std::int64_t i) {
        return static_cast<double>(static_cast<Compute<T>>(x[first + i * s.inner]));
      };
      double norm = 0;
      for (std::int64_t i = 0; i < s.size; ++i) norm += squares ? at(i) * at(i) : std::abs(at(i));
      if (squares) norm = std::sqrt(norm);
      for (std::int64_t i = 0; i < s.size; ++i) y[first + i * s.inner] = store<T>(norm == 0 ? 0.0 : at(i) / norm);
    }
  });
}

void eval(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  const int axis = normalize_axis(ctx.attributes().integer("axis", -1), x.rank());
  const std::int64_t p = ctx.attributes().integer("p", 2);
  if (p != 1 && p != 2) {
    throw ctx.error(ErrorKind::bad_input, "LpNormalization: p must be 1 or 2").value(std::to_string(p));
  }
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (is_real<T>) {
      Tensor& y = ctx.output(0, x.dtype(), x.shape());
      normalize(ctx.threads(), x.data<T>(), y.data<T>(), split_at(x.shape(), axis), p == 2);
    } else {
      throw wrong_type(ctx, x.dtype(), "a floating point type");
    }
  });
}

void infer(InferContext& ctx) {
  infer_same_as_input(ctx);
  if (ctx.has_shape(0)) normalize_axis(ctx.attributes().integer("axis", -1), ctx.rank(0));
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  for (const std::int64_t axis : {0, 1, -1}) {
    for (const int p : {1, 2}) {
      out.push_back({.attributes = make_attributes({{"axis", axis}, {"p", p}}),
                     .inputs = {random_tensor(random, DType::f32, {3, 4, 5})}});
    }
  }
  out.push_back({.inputs = {random_tensor(random, DType::f64, {2, 9})}});
  out.push_back({.inputs = {Tensor::zeros(DType::f32, {2, 3})}});
  out.push_back({.inputs = {random_tensor(random, DType::f32, {0, 3})}});
  return out;
}

// dx = (dy - f sum(dy y)) / norm with f = y (p 2) or sign(x) (p 1); 0 for a row of norm 0.
void gradient(GradientContext& ctx) {
  const ValueId x = ctx.input(0), y = ctx.output(), dy = ctx.output_gradient();
  const bool squares = ctx.attributes().integer("p", 2) == 2;
  const std::vector<std::int64_t> axes{normalize_axis(ctx.attributes().integer("axis", -1), ctx.rank(x))};
  const ValueId size = squares ? ctx.emit("Sqrt", {ctx.reduce_sum(ctx.mul(x, x), axes, true)})
                               : ctx.reduce_sum(ctx.emit("Abs", {x}), axes, true);
  const ValueId zero = ctx.scalar(0, x), empty = ctx.emit("Equal", {size, zero});
  const ValueId dot = ctx.reduce_sum(ctx.mul(dy, y), axes, true);
  const ValueId slope = ctx.sub(dy, ctx.mul(squares ? y : ctx.emit("Sign", {x}), dot));
  const ValueId dx = ctx.div(slope, ctx.emit("Where", {empty, ctx.scalar(1, x), size}));
  ctx.set(0, ctx.emit("Where", {empty, zero, dx}));
}

}  // namespace

Rows lp_normalization() {
  return {{
      .name = "LpNormalization",
      .attributes = {"axis", "p"},
      .infer = infer,
      .eval = eval,
      .gradient = gradient,
      .samples = samples,
  }};
}

}  // namespace octet::ops
