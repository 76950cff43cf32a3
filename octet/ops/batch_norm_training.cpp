// Batch normalization while training, domain octet; channels are axis 1, N the number of elements of a channel.
//   BatchNormTraining(x, scale, bias, mean, variance) -> y, new mean, new variance, batch mean, 1 / deviation
//     y = scale (x - m) / sqrt(v + epsilon) + bias with the batch's own mean m and variance v (over N);
//     new mean = momentum mean + (1 - momentum) m; new variance the same of v N / (N - 1), as torch keeps it,
//     or with unbiased = 0 of v itself, as ONNX does. The last output is 1 / sqrt(v + epsilon).
//   BatchNormGrad(x, scale, dy, batch mean, 1 / deviation) -> dx, dscale, dbias
//     dbias = sum dy, dscale = sum dy h with h = (x - m) / deviation,
//     dx = scale / deviation (dy - dbias / N - h dscale / N); with frozen = 1, where m and the deviation do not
//     depend on x, dx = scale dy / deviation. Left out, m and the deviation are computed from x and epsilon.
// Sums run in double, each in one order.  Source: Ioffe & Szegedy 2015 (arXiv 1502.03167); torch.nn.BatchNorm2d.
#include <cmath>

#include "octet/ops/axes.h"
#include "octet/ops/batch_norm.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"
#include "octet/ops/wide.h"

namespace octet::ops {
namespace {

AxisSplit channels_of(const Shape& shape) {
  return shape.rank() < 2 ? AxisSplit{shape.elements(), 1, 1} : split_at(shape, 1);
}

void check_channels(const EvalContext& ctx, int slot, std::int64_t channels) {
  const Tensor& given = ctx.input(slot);
  if (given.elements() == channels && is_float(given.dtype())) return;
  throw ctx.error(ErrorKind::bad_input, "input " + std::to_string(slot) + " does not fit the channels")
      .value(std::to_string(given.elements()) + " " + to_string(given.dtype()))
      .expected(std::to_string(channels) + " floats");
}

// Calls body(channel) for every channel; channels are shared among the threads.
template <class Body>
void for_each_channel(ThreadPool& threads, const AxisSplit& s, const Body& body) {
  const std::int64_t grain = std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, s.outer * s.inner));
  threads.parallel_for(s.size, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) body(c);
  });
}

// Calls body(i) for every element of a channel.
template <class Body>
void for_each_element(const AxisSplit& s, std::int64_t channel, const Body& body) {
  for (std::int64_t o = 0; o < s.outer; ++o) {
    const std::int64_t first = (o * s.size + channel) * s.inner;
    for (std::int64_t i = first; i < first + s.inner; ++i) body(i);
  }
}

struct Moments {
  double mean = 0, variance = 0;
};

template <class T>
Moments moments_of(const T* x, const AxisSplit& s, std::int64_t channel) {
  const double count = static_cast<double>(s.outer * s.inner);
  Moments out;
  for_each_element(s, channel, [&](std::int64_t i) { out.mean += static_cast<double>(x[i]); });
  out.mean /= count;
  for_each_element(s, channel, [&](std::int64_t i) {
    const double d = static_cast<double>(x[i]) - out.mean;
    out.variance += d * d;
  });
  out.variance /= count;
  return out;
}

void set_channel(EvalContext& ctx, int slot, DType dtype, const std::vector<double>& values) {
  if (!ctx.wants_output(slot)) return;
  const Tensor wide = Tensor::from<double>({static_cast<std::int64_t>(values.size())}, std::span<const double>(values));
  Tensor& out = ctx.output(slot, dtype, wide.shape());
  wide.cast_into(out, 0, out.elements());
}

void infer_training(InferContext& ctx) {
  infer_same_as_input(ctx);
  for (int i = 1; i < ctx.output_count(); ++i) {
    const int like = i < 3 ? i + 2 : 1;
    if (ctx.has_shape(like)) {
      ctx.set_output(i, ctx.dtype(like), ctx.shape(like));
    } else {
      ctx.set_output(i, ctx.dtype(like));
    }
  }
}

void eval_training(EvalContext& ctx) {
  const Tensor x = widened(ctx.input(0));
  const AxisSplit s = channels_of(x.shape());
  for (int i = 1; i < 5; ++i) check_channels(ctx, i, s.size);
  const BatchNormForm form = batch_norm_form(ctx.attributes());
  const std::int64_t count = s.outer * s.inner;
  const std::vector<double> scale = ctx.input(1).to_double(), bias = ctx.input(2).to_double();
  std::vector<double> mean = ctx.input(3).to_double(), variance = ctx.input(4).to_double();
  std::vector<double> batch(mean.size()), inverse(mean.size());
  if (count == 0) throw ctx.error(ErrorKind::bad_input, "a batch norm in training has no elements to normalize");
  fill_output(ctx, 0, ctx.input(0).dtype(), x.shape(), [&](Tensor& y) {
    dispatch_float(x.dtype(), [&]<class T>() {
      for_each_channel(ctx.threads(), s, [&](std::int64_t channel) {
        const auto c = static_cast<std::size_t>(channel);
        const Moments m = moments_of(x.data<T>(), s, channel);
        batch[c] = m.mean;
        inverse[c] = 1 / std::sqrt(m.variance + form.epsilon);
        mean[c] = form.momentum * mean[c] + (1 - form.momentum) * m.mean;
        variance[c] = form.momentum * variance[c] + (1 - form.momentum) * m.variance * form.correction(count);
        const T factor = static_cast<T>(scale[c] * inverse[c]);
        const T shift = static_cast<T>(bias[c] - m.mean * scale[c] * inverse[c]);
        const T* from = x.data<T>();
        T* to = y.data<T>();
        for_each_element(s, channel, [&](std::int64_t i) { to[i] = from[i] * factor + shift; });
      });
    });
  });
  set_channel(ctx, 1, ctx.input(3).dtype(), mean);
  set_channel(ctx, 2, ctx.input(4).dtype(), variance);
  set_channel(ctx, 3, ctx.input(1).dtype(), batch);
  set_channel(ctx, 4, ctx.input(1).dtype(), inverse);
}

void infer_gradient(InferContext& ctx) {
  infer_same_as_input(ctx);
  for (int i = 1; i < ctx.output_count(); ++i) {
    if (ctx.has_shape(1)) {
      ctx.set_output(i, ctx.dtype(1), ctx.shape(1));
    } else {
      ctx.set_output(i, ctx.dtype(1));
    }
  }
}

void eval_gradient(EvalContext& ctx) {
  check_same_type(ctx, 0, 2);
  const Tensor x = widened(ctx.input(0)), dy = widened(ctx.input(2));
  if (!(x.shape() == dy.shape())) {
    throw ctx.error(ErrorKind::bad_input, "the gradient does not fit the tensor")
        .value(to_string(dy.shape()))
        .expected(to_string(x.shape()));
  }
  const AxisSplit s = channels_of(x.shape());
  const bool given = ctx.has_input(3) && ctx.has_input(4), frozen = ctx.attributes().integer("frozen", 0) != 0;
  check_channels(ctx, 1, s.size);
  for (int i = 3; given && i < 5; ++i) check_channels(ctx, i, s.size);
  const double epsilon = batch_norm_form(ctx.attributes()).epsilon;
  const std::vector<double> scale = ctx.input(1).to_double();
  std::vector<double> mean(scale.size()), inverse(scale.size()), dscale(scale.size()), dbias(scale.size());
  if (given) mean = ctx.input(3).to_double(), inverse = ctx.input(4).to_double();
  const auto count = static_cast<double>(s.outer * s.inner);
  const auto run = [&](Tensor* dx) {
    dispatch_float(x.dtype(), [&]<class T>() {
      const T *in = x.data<T>(), *slope = dy.data<T>();
      for_each_channel(ctx.threads(), s, [&](std::int64_t channel) {
        const auto c = static_cast<std::size_t>(channel);
        if (!given && count > 0) {
          const Moments m = moments_of(in, s, channel);
          mean[c] = m.mean;
          inverse[c] = 1 / std::sqrt(m.variance + epsilon);
        }
        for_each_element(s, channel, [&](std::int64_t i) {
          dbias[c] += static_cast<double>(slope[i]);
          dscale[c] += static_cast<double>(slope[i]) * (static_cast<double>(in[i]) - mean[c]) * inverse[c];
        });
        if (dx == nullptr) return;
        // dx = a dy - b x - k
        const double a = scale[c] * inverse[c], b = frozen ? 0 : a * dscale[c] / count * inverse[c];
        const double k = frozen ? 0 : a * dbias[c] / count - b * mean[c];
        T* to = dx->data<T>();
        for_each_element(s, channel, [&](std::int64_t i) {
          to[i] = static_cast<T>(a) * slope[i] - static_cast<T>(b) * in[i] - static_cast<T>(k);
        });
      });
    });
  };
  if (ctx.wants_output(0)) {
    fill_output(ctx, 0, ctx.input(0).dtype(), x.shape(), [&](Tensor& dx) { run(&dx); });
  } else {
    run(nullptr);
  }
  set_channel(ctx, 1, ctx.input(1).dtype(), dscale);
  set_channel(ctx, 2, ctx.input(1).dtype(), dbias);
}

void gradient_of_training(GradientContext& ctx) {
  for (int i = 1; i < ctx.output_count(); ++i) {
    if (ctx.output_gradient(i) != kNoValue) throw ctx.error("a loss that depends on a batch norm's statistics");
  }
  if (ctx.output(3) == kNoValue || ctx.output(4) == kNoValue) {
    return gradient_of_batch_norm(ctx, kNoValue, kNoValue, false);
  }
  gradient_of_batch_norm(ctx, ctx.output(3), ctx.output(4), false);
}

std::vector<Sample> training_samples(Random& random) {
  std::vector<Sample> out;
  for (const Shape& shape : {Shape{4, 3, 5, 5}, Shape{6, 3}, Shape{2, 16, 9, 7}, Shape{3, 2, 8}}) {
    Sample sample{.inputs = {random_tensor(random, DType::f32, shape)}, .outputs = 5};
    for (int i = 0; i < 4; ++i) sample.inputs.push_back(random_tensor(random, DType::f32, {shape[1]}, 0.5f, 2));
    if (shape[1] == 3) sample.attributes = make_attributes({{"momentum", 0.8f}, {"unbiased", 0}});
    out.push_back(sample);
  }
  return out;
}

std::vector<Sample> gradient_samples(Random& random) {
  std::vector<Sample> out;
  for (const Shape& shape : {Shape{4, 3, 5, 5}, Shape{6, 3}, Shape{2, 16, 9, 7}}) {
    Sample sample{.inputs = {random_tensor(random, DType::f32, shape), random_tensor(random, DType::f32, {shape[1]}),
                             random_tensor(random, DType::f32, shape)},
                  .outputs = 3};
    out.push_back(sample);
    for (int i = 0; i < 2; ++i) sample.inputs.push_back(random_tensor(random, DType::f32, {shape[1]}, 0.5f, 2));
    out.push_back(sample);
    sample.attributes = make_attributes({{"frozen", 1}});
    out.push_back(sample);
  }
  return out;
}

}  // namespace

BatchNormForm batch_norm_form(const Attributes& attributes) {
  return {attributes.real("epsilon", 1e-5f), attributes.real("momentum", 0.9f), attributes.integer("unbiased", 1) != 0};
}

void gradient_of_batch_norm(GradientContext& ctx, ValueId mean, ValueId inverse, bool frozen) {
  Attributes form;
  form.set("epsilon", ctx.attributes().real("epsilon", 1e-5f));
  form.set("frozen", std::int64_t{frozen});
  const bool statistics = frozen && (ctx.wants(3) || ctx.wants(4));
  const std::vector<ValueId> out =
      ctx.emit_outputs("BatchNormGrad", {ctx.input(0), ctx.input(1), ctx.output_gradient(), mean, inverse},
                       {ctx.wants(0), ctx.wants(1) || statistics, ctx.wants(2) || statistics}, form, "octet");
  for (int i = 0; i < 3; ++i) ctx.set(i, out[static_cast<std::size_t>(i)]);
  if (!statistics) return;
  const ValueId factor = ctx.mul(ctx.input(1), inverse);
  if (ctx.wants(3)) ctx.set(3, ctx.neg(ctx.mul(out[2], factor)));
  if (ctx.wants(4)) ctx.set(4, ctx.scaled(ctx.mul(ctx.mul(out[1], factor), inverse), -0.5));
}

Rows batch_norm_training() {
  return {{.name = "BatchNormTraining",
           .domain = "octet",
           .since = 0,
           .inputs = {5, 5},
           .outputs = {1, 5},
           .attributes = {"epsilon", "momentum", "unbiased"},
           .infer = infer_training,
           .eval = eval_training,
           .gradient = gradient_of_training,
           .samples = training_samples},
          {.name = "BatchNormGrad",
           .domain = "octet",
           .since = 0,
           .inputs = {3, 5},
           .outputs = {1, 3},
           .attributes = {"epsilon", "frozen"},
           .infer = infer_gradient,
           .eval = eval_gradient,
           .samples = gradient_samples}};
}

}  // namespace octet::ops
