// Softmax, LogSoftmax, Hardmax along an axis:
//   softmax(x)_i = exp(x_i - max) / sum_j exp(x_j - max), log_softmax its logarithm, hardmax 1 at the first
//   maximum and 0 elsewhere.
// From opset 13 on along `axis` (default -1); before that over all of [axis, rank) taken as one (default 1).
// Source: ONNX Softmax-13, LogSoftmax-13, Hardmax-13, and their forms of opset 1 and 11.
#include <algorithm>
#include <cmath>
#include <limits>

#include "octet/kernels/math/math.h"
#include "octet/ops/axes.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

constexpr const char* kAxis = "axis";

// Below opset 13 a scalar or vector may be given axis 1 by default: then everything is one row.
AxisSplit rows_of(const EvalContext& ctx, const Shape& shape) {
  if (ctx.opset() >= 13) {
    if (shape.rank() == 0) return {};
    return split_at(shape, normalize_axis(ctx.attributes().integer(kAxis, -1), shape.rank()));
  }
  const std::int64_t axis = ctx.attributes().integer(kAxis, 1);
  const int first = axis == shape.rank() ? shape.rank() : normalize_axis(axis, std::max(1, shape.rank()));
  return {shape.elements(0, first), shape.elements(first, shape.rank()), 1};
}

void infer(InferContext& ctx) {
  infer_same_as_input(ctx);
  if (!ctx.has_shape(0) || ctx.rank(0) == 0) return;
  const std::int64_t axis = ctx.attributes().integer(kAxis, ctx.opset() >= 13 ? -1 : 1);
  if (ctx.opset() >= 13 || axis != ctx.rank(0)) normalize_axis(axis, ctx.rank(0));
}

double greatest(const double* x, std::int64_t count) {
  double most = -std::numeric_limits<double>::infinity();
  for (std::int64_t i = 0; i < count; ++i) most = x[i] > most || x[i] != x[i] ? x[i] : most;
  return most;
}

struct Softmax {
  static void row(const float* x, float* y, std::int64_t count) {
    const kernels::MathTable& math = kernels::math();
    const double sum = math.exp_shifted(x, math.maximum(x, count), y, count);
    math.scale(y, static_cast<float>(1 / sum), count);
  }
  static void row(const double* x, double* y, std::int64_t count) {
    const double most = greatest(x, count);
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i) sum += y[i] = std::exp(x[i] - most);
    for (std::int64_t i = 0; i < count; ++i) y[i] /= sum;
  }
};

struct LogSoftmax {
  static void row(const float* x, float* y, std::int64_t count) {
    const kernels::MathTable& math = kernels::math();
    const float most = math.maximum(x, count);
    const auto log_sum = static_cast<float>(std::log(math.exp_shifted(x, most, y, count)));
    for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] - most - log_sum;
  }
  static void row(const double* x, double* y, std::int64_t count) {
    const double most = greatest(x, count);
    double sum = 0;
    for (std::int64_t i = 0; i < count; ++i) sum += std::exp(x[i] - most);
    const double log_sum = std::log(sum);
    for (std::int64_t i = 0; i < count; ++i) y[i] = x[i] - most - log_sum;
  }
};

struct Hardmax {
  template <class C>
  static void row(const C* x, C* y, std::int64_t count) {
    std::int64_t best = 0;
    for (std::int64_t i = 1; i < count; ++i) {
      if (x[i] > x[best]) best = i;
    }
    std::fill_n(y, count, C{0});
    if (count > 0) y[best] = 1;
  }
};

// Rows that do not lie contiguous in memory, or in a type to compute in another, pass through a buffer.
template <class T, class F>
void by_rows(ThreadPool& threads, const T* x, T* y, const AxisSplit& s) {
  using C = Compute<T>;
  const std::int64_t rows = s.outer * s.inner;
  threads.parallel_for(rows, std::max<std::int64_t>(1, 4096 / std::max<std::int64_t>(1, s.size)),
                       [&](std::int64_t begin, std::int64_t end) {
                         std::vector<C> buffer(s.inner == 1 && !is_half<T> ? 0 : static_cast<std::size_t>(2 * s.size));
                         for (std::int64_t r = begin; r < end; ++r) {
                           const std::int64_t first = r / s.inner * s.size * s.inner + r % s.inner;
                           if constexpr (!is_half<T>) {
                             if (s.inner == 1) {
                               F::row(x + first, y + first, s.size);
                               continue;
                             }
                           }
                           C *in = buffer.data(), *out = in + s.size;
                           for (std::int64_t i = 0; i < s.size; ++i) in[i] = static_cast<C>(x[first + i * s.inner]);
                           F::row(in, out, s.size);
                           for (std::int64_t i = 0; i < s.size; ++i) y[first + i * s.inner] = store<T>(out[i]);
                         }
                       });
}

template <class F>
void eval(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  Tensor& y = ctx.output(0, x.dtype(), x.shape());
  const AxisSplit rows = rows_of(ctx, x.shape());
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (is_real<T>) {
      by_rows<T, F>(ctx.threads(), x.data<T>(), y.data<T>(), rows);
    } else {
      throw wrong_type(ctx, x.dtype(), "a floating point type");
    }
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  const Tensor x = random_tensor(random, DType::f32, {2, 3, 4, 5}, -8, 8);
  for (const int opset : {11, 13}) {
    for (const std::int64_t axis : {0, 1, 2, -1}) {
      out.push_back({.attributes = make_attributes({{kAxis, axis}}), .inputs = {x}, .opset = opset});
    }
    out.push_back({.inputs = {x}, .opset = opset});
    for (const DType dtype : {DType::f16, DType::f64}) {
      out.push_back({.inputs = {random_tensor(random, dtype, {3, 65}, -3, 3)}, .opset = opset});
    }
    out.push_back({.inputs = {random_tensor(random, DType::f32, {7, 1000}, -30, 30)}, .opset = opset});
    out.push_back({.inputs = {random_tensor(random, DType::f32, {0, 3})}, .opset = opset});
    out.push_back({.inputs = {random_tensor(random, DType::f32, {9})}, .opset = opset});
  }
  return out;
}

// Before opset 13 the axis is where the row begins.
auto gradient(const char* op) {
  return [op](GradientContext& ctx) {
    const bool flatten = ctx.opset() < 13 && ctx.node().domain.empty();
    const Attributes given = make_attributes(
        {{kAxis, ctx.attributes().integer(kAxis, flatten ? 1 : -1)}, {"flatten", std::int64_t{flatten}}});
    ctx.set(0, ctx.emit_own(op, {ctx.output(), ctx.output_gradient()}, given));
  };
}

template <class F>
OpDef row(const char* name) {
  return {.name = name, .attributes = {kAxis}, .infer = infer, .eval = eval<F>, .samples = samples};
}

}  // namespace

Rows softmax() {
  Rows rows = {row<Softmax>("Softmax"), row<LogSoftmax>("LogSoftmax"), row<Hardmax>("Hardmax")};
  rows[0].gradient = gradient("SoftmaxGrad");
  rows[1].gradient = gradient("LogSoftmaxGrad");
  rows[2].zero_gradient = true;
  return rows;
}

}  // namespace octet::ops
