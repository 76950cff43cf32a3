// BatchNormalization: y = scale (x - mean) / sqrt(variance + epsilon) + bias, a value a channel (axis 1).
//   scale, bias, mean, variance   [C]; at opsets 7 and 8 with spatial = 0 [C, D1, ...]
//   training_mode (opset 14): the batch's own mean and variance over all other axes normalize, and outputs
//   1 and 2 are momentum * given + (1 - momentum) * batch's.
// Extra outputs of opsets 7 to 13 (saved statistics) are refused.  Source: ONNX BatchNormalization-15, -7.
#include <cmath>

#include "octet/ops/axes.h"
#include "octet/ops/batch_norm.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

void infer(InferContext& ctx) {
  infer_same_as_input(ctx);
  for (int i = 1; i < ctx.output_count(); ++i) {
    if (ctx.has_shape(i + 2)) ctx.set_output(i, ctx.dtype(i + 2), ctx.shape(i + 2));
  }
}

// y = x * factor + shift, channel by channel.
template <class T>
void scale_shift(ThreadPool& threads, const Tensor& x, const AxisSplit& s, const std::vector<double>& factor,
                 const std::vector<double>& shift, Tensor& y) {
  using C = Compute<T>;
  const T* in = x.data<T>();
  T* out = y.data<T>();
  const std::int64_t grain = std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, s.inner));
  threads.parallel_for(s.outer * s.size, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t r = begin; r < end; ++r) {
      const auto channel = static_cast<std::size_t>(r % s.size);
      const C a = static_cast<C>(factor[channel]), b = static_cast<C>(shift[channel]);
      const T* from = in + r * s.inner;
      T* to = out + r * s.inner;
      for (std::int64_t i = 0; i < s.inner; ++i) to[i] = store<T>(static_cast<C>(from[i]) * a + b);
    }
  });
}

struct Statistics {
  std::vector<double> mean, variance;
};

template <class T>
Statistics batch_statistics(const Tensor& x, const AxisSplit& s) {
  const auto channels = static_cast<std::size_t>(s.size);
  Statistics out{std::vector<double>(channels), std::vector<double>(channels)};
  const T* in = x.data<T>();
  const double count = static_cast<double>(s.outer * s.inner);
  const auto over = [&](std::size_t c, const auto& f) {
    double sum = 0;
    for (std::int64_t o = 0; o < s.outer; ++o) {
      const T* from = in + (o * s.size + static_cast<std::int64_t>(c)) * s.inner;
      for (std::int64_t i = 0; i < s.inner; ++i) sum += f(static_cast<double>(static_cast<Compute<T>>(from[i])));
    }
    return sum / count;
  };
  for (std::size_t c = 0; c < channels; ++c) {
    out.mean[c] = over(c, [](double v) { return v; });
    out.variance[c] = over(c, [m = out.mean[c]](double v) { return (v - m) * (v - m); });
  }
  return out;
}

void write_running(EvalContext& ctx, int output, const std::vector<double>& given, const std::vector<double>& batch) {
  if (!ctx.wants_output(output)) return;
  const double momentum = ctx.attributes().real("momentum", 0.9f);
  const Tensor& like = ctx.input(output + 2);
  Tensor& y = ctx.output(output, like.dtype(), like.shape());
  dispatch(like.dtype(), [&]<class T>() {
    for (std::size_t c = 0; c < given.size(); ++c) {
      y.data<T>()[c] = store<T>(momentum * given[c] + (1 - momentum) * batch[c]);
    }
  });
}

AxisSplit channels_of(const EvalContext& ctx) {
  const Shape& shape = ctx.input(0).shape();
  AxisSplit split = shape.rank() < 2 ? AxisSplit{shape.elements(), 1, 1} : split_at(shape, 1);
  if (ctx.opset() < 9 && ctx.attributes().integer("spatial", 1) == 0) {
    split.size *= split.inner;
    split.inner = 1;
  }
  for (int i = 1; i < 5; ++i) {
    if (ctx.input(i).elements() != split.size || !is_float(ctx.input(i).dtype())) {
      throw ctx
          .error(ErrorKind::bad_input, "BatchNormalization: input " + std::to_string(i) + " does not fit the channels")
          .value(std::to_string(ctx.input(i).elements()) + " " + to_string(ctx.input(i).dtype()))
          .expected(std::to_string(split.size) + " floats");
    }
  }
  return split;
}

void eval(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  const bool training = ctx.attributes().integer("training_mode", 0) != 0;
  if (!is_float(x.dtype())) throw wrong_type(ctx, x.dtype(), "a floating point type");
  if (ctx.output_count() > 1 && !training) {
    throw ctx.error(ErrorKind::unsupported, "BatchNormalization with saved statistics is not supported")
        .hint("export the model for inference");
  }
  const AxisSplit split = channels_of(ctx);
  const std::vector<double> scale = ctx.input(1).to_double(), bias = ctx.input(2).to_double();
  const Statistics given{ctx.input(3).to_double(), ctx.input(4).to_double()};
  Statistics used = given;
  if (training) {
    dispatch(x.dtype(), [&]<class T>() {
      if constexpr (is_real<T>) used = batch_statistics<T>(x, split);
    });
    write_running(ctx, 1, given.mean, used.mean);
    write_running(ctx, 2, given.variance, used.variance);
  }
  const double epsilon = ctx.attributes().real("epsilon", 1e-5f);
  std::vector<double> factor(scale.size()), shift(scale.size());
  for (std::size_t c = 0; c < scale.size(); ++c) {
    factor[c] = scale[c] / std::sqrt(used.variance[c] + epsilon);
    shift[c] = bias[c] - used.mean[c] * factor[c];
  }
  Tensor& y = ctx.output(0, x.dtype(), x.shape());
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (is_real<T>) scale_shift<T>(ctx.threads(), x, split, factor, shift, y);
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  const auto add = [&](DType dtype, const Shape& shape, int opset, bool training) {
    const Shape channels{shape.rank() > 1 ? shape[1] : 1};
    Sample sample{.inputs = {random_tensor(random, dtype, shape)}, .opset = opset};
    for (int i = 0; i < 4; ++i) sample.inputs.push_back(random_tensor(random, dtype, channels, 0.5f, 2));
    if (training) {
      sample.attributes = make_attributes({{"training_mode", 1}, {"momentum", 0.8f}});
      sample.outputs = 3;
    }
    out.push_back(sample);
  };
  for (const int opset : {7, 9, 15, 22}) add(DType::f32, {2, 3, 4, 5}, opset, false);
  add(DType::f64, {2, 3}, 15, false);
  add(DType::f16, {1, 3, 7}, 15, false);
  add(DType::f32, {0, 3, 2}, 15, false);
  add(DType::f32, {2, 3, 2, 2, 2}, 15, true);
  return out;
}

void gradient(GradientContext& ctx) {
  for (int i = 1; i < ctx.output_count(); ++i) {
    if (ctx.output_gradient(i) != kNoValue) throw ctx.error("a loss that depends on a batch norm's statistics");
  }
  if (ctx.attributes().integer("spatial", 1) == 0) throw ctx.error("a batch norm with spatial = 0 has no gradient");
  if (ctx.attributes().integer("training_mode", 0) != 0) return gradient_of_batch_norm(ctx, kNoValue, kNoValue, false);
  const ValueId variance = ctx.input(4);
  const ValueId raised = ctx.add(variance, ctx.scalar(ctx.attributes().real("epsilon", 1e-5f), variance));
  gradient_of_batch_norm(ctx, ctx.input(3), ctx.emit("Reciprocal", {ctx.emit("Sqrt", {raised})}), true);
}

}  // namespace

Rows batch_normalization() {
  return {{
      .name = "BatchNormalization",
      .since = 7,
      .inputs = {5, 5},
      .outputs = {1, 5},
      .attributes = {"epsilon", "momentum", "spatial", "training_mode"},
      .infer = infer,
      .eval = eval,
      .gradient = gradient,
      .samples = samples,
  }};
}

}  // namespace octet::ops
