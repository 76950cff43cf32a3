// MeanVarianceNormalization: y = (x - mean) / (sqrt(variance) + 1e-9) over `axes` (default 0, 2, 3), with
// variance = mean(x^2) - mean^2.  Source: ONNX MeanVarianceNormalization-13 and its function body.
#include <algorithm>
#include <cmath>

#include "octet/ops/axes.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

std::vector<int> axes_of(const Attributes& attributes, int rank) {
  return normalize_axes(attributes.integers("axes", {0, 2, 3}), rank);
}

struct Moments {
  double mean = 0, deviation = 0;
};

std::vector<Moments> moments_of(const std::vector<double>& x, const AxisSplit& s) {
  std::vector<Moments> out;
  const double count = static_cast<double>(s.size);
  for (std::int64_t line = 0; line < s.outer * s.inner; ++line) {
    const std::int64_t first = line / s.inner * s.size * s.inner + line % s.inner;
    const auto at = [&](std::int64_t i) { return x[static_cast<std::size_t>(first + i * s.inner)]; };
    double sum = 0, squares = 0;
    for (std::int64_t i = 0; i < s.size; ++i) sum += at(i);
    const double mean = sum / count;
    for (std::int64_t i = 0; i < s.size; ++i) squares += (at(i) - mean) * (at(i) - mean);
    out.push_back({mean, std::sqrt(squares / count) + 1e-9});
  }
  return out;
}

template <class T>
void normalize(EvalContext& ctx, const Tensor& x, const std::vector<int>& axes) {
  const Arranged arranged = arrange(x, axes);
  const std::vector<Moments> moments = moments_of(arranged.data.to_double(), arranged.split);
  const Shape kept = reduced_shape(x.shape(), axes, true);
  Tensor which(DType::i64, kept);  // which element's moments belong to each kept position
  for (std::int64_t i = 0; i < which.elements(); ++i) which.data<std::int64_t>()[i] = i;
  Tensor& y = ctx.output(0, x.dtype(), x.shape());
  const BroadcastPlan plan = plan_broadcast(x.shape(), kept);
  broadcast_loop(ctx.threads(), plan, x.data<T>(), which.data<std::int64_t>(), y.data<T>(), [&](T v, std::int64_t i) {
    const Moments& m = moments[static_cast<std::size_t>(i)];
    return store<T>((static_cast<double>(static_cast<Compute<T>>(v)) - m.mean) / m.deviation);
  });
}

void eval(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  const std::vector<int> axes = axes_of(ctx.attributes(), x.rank());
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (is_real<T>) {
      normalize<T>(ctx, x, axes);
    } else {
      throw wrong_type(ctx, x.dtype(), "a floating point type");
    }
  });
}

void infer(InferContext& ctx) {
  infer_same_as_input(ctx);
  if (ctx.has_shape(0)) axes_of(ctx.attributes(), ctx.rank(0));
}

std::vector<Sample> samples(Random& random) {
  const Tensor x = random_tensor(random, DType::f32, {2, 3, 4, 5});
  std::vector<Sample> out = {{.inputs = {x}}};
  for (const std::vector<std::int64_t>& axes : {std::vector<std::int64_t>{1}, {-1, 0}, {2, 3}, {0, 1, 2, 3}}) {
    out.push_back({.attributes = make_attributes({{"axes", axes}}), .inputs = {x}});
  }
  out.push_back({.inputs = {random_tensor(random, DType::f64, {3, 2, 2, 2})}});
  out.push_back({.inputs = {random_tensor(random, DType::f32, {0, 3, 2, 2})}});
  return out;
}

}  // namespace

Rows mean_variance_normalization() {
  return {{
      .name = "MeanVarianceNormalization",
      .since = 9,
      .attributes = {"axes"},
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
