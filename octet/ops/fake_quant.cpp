// FakeQuant: y = (clamp(nearbyint(x / scale) + zero_point, quant_min, quant_max) - zero_point) * scale, where the
// quotient is x * float32(1 / scale); y = x where `enabled` is 0.
//   inputs   x f32; scale, zero_point f32, scalar or [C] of `axis`; enabled (optional scalar); clipped (optional
//            scalar: followed share of values outside the levels)
//   outputs  y; the new `clipped`
//   learned  1: scale and zero point get gradients (LSQ, LSQ+), times 1 / sqrt(elements of x * quant_max)
// FakeQuantGrad: dx = dy where the unclamped level is within the levels, else 0; dx = dy where `enabled` is 0.
// LearnedFakeQuantGrad: dx, and the gradients of scale and zero point (kernels/fake_quant).
// LearnedScale: scale = start * relative; the gradient of `relative` is taken as that of the scale over `start` (where
// the
//   chain rule says times): a step of any optimizer then changes the scale by a share of itself, whatever its unit.
// Source: torch.fake_quantize_per_channel_affine, torch._fake_quantize_learnable_per_channel_affine; arXiv
// 1902.08153 (LSQ), 2004.09576 (LSQ+).
#include <cmath>

#include "octet/ops/elementwise.h"
#include "octet/ops/fake_quant_channels.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

using kernels::FakeQuantParams;

struct Setup {
  RangeRule rule;
  QuantChannels channels;
  std::vector<FakeQuantParams> params;  ///< one a channel
  bool enabled = true;
};

Setup setup(const EvalContext& ctx, int x, int scale, int enabled) {
  Setup out{range_rule(ctx.attributes()), quant_channels(ctx.attributes(), ctx.input(x).shape()), {}, true};
  check_quant_input(ctx, x);
  check_quant_state(ctx, scale, out.channels, "scales");
  check_quant_state(ctx, scale + 1, out.channels, "zero points");
  out.enabled = optional_scalar(ctx, enabled, 1) != 0;
  if (!out.enabled) return out;
  for (std::int64_t c = 0; c < out.channels.channels; ++c) {
    out.params.push_back(channel_params(ctx, scale, c, out.rule));
  }
  return out;
}

// Calls body(channel, first element, count) for every run of one channel.
template <class Body>
void for_each_run_of(const QuantChannels& channels, const Body& body) {
  for (std::int64_t run = 0; run < channels.runs(); ++run) {
    body(run % channels.channels, run * channels.inner, channels.inner);
  }
}

float level(const FakeQuantParams& p, float x) { return std::nearbyint(x * (1.0f / p.scale)) + p.zero_point; }

template <Way way>
void eval(EvalContext& ctx) {
  const Setup s = setup(ctx, 0, 1, 3);
  const Tensor& x = ctx.input(0);
  Tensor& y = ctx.output(0, DType::f32, x.shape());
  std::int64_t outside = 0;
  if (!s.enabled) {
    if (x.bytes() > 0) std::memcpy(y.raw(), x.raw(), x.bytes());
  } else {
    for_each_run_of(s.channels, [&](std::int64_t c, std::int64_t at, std::int64_t count) {
      const FakeQuantParams& p = s.params[static_cast<std::size_t>(c)];
      const float* from = x.data<float>() + at;
      float* to = y.data<float>() + at;
      outside += way == Way::fast ? kernels::fake_quant(p, from, count, to, ctx.threads())
                                  : fake_quant_plainly(p, from, count, to);
    });
  }
  if (!ctx.wants_output(1)) return;
  const float clipped = optional_scalar(ctx, 4, 0);
  ctx.output(1, DType::f32, {}).data<float>()[0] = s.enabled ? follow_clipped(clipped, outside, x.elements()) : clipped;
}

void infer(InferContext& ctx) {
  range_rule(ctx.attributes());
  infer_same_as_input(ctx);
  if (ctx.output_count() > 1) ctx.set_output(1, DType::f32, SymbolicShape{});
}

// The gradient that arrives belongs to x.
void check_gradient(const EvalContext& ctx) {
  check_quant_input(ctx, 0);
  if (ctx.input(0).shape() == ctx.input(1).shape()) return;
  throw ctx.error(ErrorKind::bad_input, "the gradient of a fake quantization has another shape than its input")
      .value(to_string(ctx.input(0).shape()))
      .expected(to_string(ctx.input(1).shape()));
}

template <Way way>
void eval_gradient(EvalContext& ctx) {
  const Setup s = setup(ctx, 1, 2, 4);
  check_gradient(ctx);
  const Tensor &dy = ctx.input(0), &x = ctx.input(1);
  Tensor& dx = ctx.output(0, DType::f32, x.shape());
  if (!s.enabled) {
    if (x.bytes() > 0) std::memcpy(dx.raw(), dy.raw(), dy.bytes());
    return;
  }
  for_each_run_of(s.channels, [&](std::int64_t c, std::int64_t at, std::int64_t count) {
    const FakeQuantParams& p = s.params[static_cast<std::size_t>(c)];
    const float *from = x.data<float>() + at, *slope = dy.data<float>() + at;
    float* to = dx.data<float>() + at;
    if constexpr (way == Way::fast) {
      kernels::fake_quant_gradient(p, from, slope, count, to, ctx.threads());
    } else {
      for (std::int64_t i = 0; i < count; ++i) {
        const float q = level(p, from[i]);
        to[i] = q < p.qmin || q > p.qmax ? 0.0f : slope[i];
      }
    }
  });
}

kernels::LearnedSums learned_reference(const FakeQuantParams& p, const float* x, const float* dy, std::int64_t count,
                                       float* dx) {
  kernels::LearnedSums sums;
  for (std::int64_t i = 0; i < count; ++i) {
    const float q = std::nearbyint(x[i] * (1.0f / p.scale) + p.zero_point);
    if (q < p.qmin || q > p.qmax) {
      sums.scale += double{dy[i]} * double{(q < p.qmin ? p.qmin : p.qmax) - p.zero_point};
      sums.zero_point -= double{dy[i]} * double{p.scale};
      dx[i] = 0;
    } else {
      sums.scale += double{dy[i]} * double{((q - p.zero_point) * p.scale - x[i]) * (1.0f / p.scale)};
      dx[i] = dy[i];
    }
  }
  return sums;
}

template <Way way>
void eval_learned_gradient(EvalContext& ctx) {
  const Setup s = setup(ctx, 1, 2, 4);
  check_gradient(ctx);
  const Tensor &dy = ctx.input(0), &x = ctx.input(1);
  const Tensor& scale = ctx.input(2);
  Tensor& dx = ctx.output(0, DType::f32, x.shape());
  Tensor& dscale = ctx.output(1, DType::f32, scale.shape());
  Tensor& dzero = ctx.output(2, DType::f32, ctx.input(3).shape());
  std::vector<kernels::LearnedSums> sums(static_cast<std::size_t>(s.channels.channels));
  if (!s.enabled) {
    if (x.bytes() > 0) std::memcpy(dx.raw(), dy.raw(), dy.bytes());
  } else {
    for_each_run_of(s.channels, [&](std::int64_t c, std::int64_t at, std::int64_t count) {
      const FakeQuantParams& p = s.params[static_cast<std::size_t>(c)];
      const float *from = x.data<float>() + at, *slope = dy.data<float>() + at;
      float* to = dx.data<float>() + at;
      const kernels::LearnedSums part =
          way == Way::fast ? kernels::fake_quant_learned_gradient(p, from, slope, count, to, ctx.threads())
                           : learned_reference(p, from, slope, count, to);
      sums[static_cast<std::size_t>(c)].scale += part.scale;
      sums[static_cast<std::size_t>(c)].zero_point += part.zero_point;
    });
  }
  const double factor = 1 / std::sqrt(static_cast<double>(std::max<std::int64_t>(1, x.elements())) * s.rule.qmax);
  for (std::int64_t c = 0; c < s.channels.channels; ++c) {
    const auto& sum = sums[static_cast<std::size_t>(c)];
    // |scale| is what quantizes: its slope has the sign of the scale.
    const double sign = scale.data<float>()[c] < 0 ? -1 : 1;
    dscale.data<float>()[c] = static_cast<float>(sign * sum.scale * factor);
    dzero.data<float>()[c] = static_cast<float>(sum.zero_point * factor);
  }
}

void infer_gradient(InferContext& ctx) {
  range_rule(ctx.attributes());
  for (int i = 0; i < ctx.output_count(); ++i) {
    if (ctx.has_shape(i + 1)) {
      ctx.set_output(i, DType::f32, ctx.shape(i + 1));
    } else {
      ctx.set_output(i, DType::f32);
    }
  }
}

void gradient(GradientContext& ctx) {
  const ValueId dy = ctx.output_gradient();
  const std::vector<ValueId> inputs = {dy, ctx.input(0), ctx.input(1), ctx.input(2), ctx.input(3)};
  if (ctx.attributes().integer("learned", 0) == 0) {
    return ctx.set(0, ctx.emit_own("FakeQuantGrad", inputs, ctx.attributes()));
  }
  const auto all = ctx.emit_outputs("LearnedFakeQuantGrad", inputs, {true, true, true}, ctx.attributes(), "octet");
  for (int i = 0; i < 3; ++i) ctx.set(i, all[static_cast<std::size_t>(i)]);
}

void eval_learned_scale(EvalContext& ctx) {
  const Tensor &start = ctx.input(0), &relative = ctx.input(1);
  for (const int i : {0, 1}) check_quant_input(ctx, i);
  if (start.shape() != relative.shape()) {
    throw ctx.error(ErrorKind::bad_input, "a learned scale has another shape than its start")
        .value(to_string(relative.shape()))
        .expected(to_string(start.shape()));
  }
  Tensor& scale = ctx.output(0, DType::f32, start.shape());
  for (std::int64_t c = 0; c < start.elements(); ++c) {
    scale.data<float>()[c] = start.data<float>()[c] * relative.data<float>()[c];
  }
}

std::vector<Sample> learned_scale_samples(Random& random) {
  std::vector<Sample> out;
  for (const Shape& shape : {Shape{}, Shape{5}}) {
    out.push_back({.inputs = {random_tensor(random, DType::f32, shape, 0.01f, 1),
                              random_tensor(random, DType::f32, shape, 0.5f, 2)}});
  }
  return out;
}

// x, scale and zero point for every bit width, per tensor and per channel, signed and not.
std::vector<Sample> samples_with(Random& random, bool gradient, int outputs) {
  std::vector<Sample> out;
  const auto add = [&](const Shape& shape, int bits, bool is_signed, int axis, bool power_of_two, float enabled) {
    const std::int64_t low = is_signed ? -(std::int64_t{1} << (bits - 1)) : 0,
                       high = low + (std::int64_t{1} << bits) - 1;
    Sample sample{.outputs = outputs};
    sample.attributes.set("quant_min", low);
    sample.attributes.set("quant_max", high);
    if (power_of_two) sample.attributes.set("power_of_two", std::int64_t{1});
    Shape channels;
    if (axis >= 0) {
      sample.attributes.set("axis", std::int64_t{axis});
      channels = Shape{shape[axis]};
    }
    if (gradient) sample.inputs.push_back(random_tensor(random, DType::f32, shape, -1, 1));
    sample.inputs.push_back(random_tensor(random, DType::f32, shape, -3, 3));
    sample.inputs.push_back(random_tensor(random, DType::f32, channels, 0.01f, 0.3f));
    sample.inputs.push_back(
        random_tensor(random, DType::f32, channels, static_cast<float>(low), static_cast<float>(high)));
    sample.inputs.push_back(Tensor::scalar(enabled));
    if (!gradient && outputs > 1) sample.inputs.push_back(Tensor::scalar(0.25f));
    out.push_back(std::move(sample));
  };
  for (const int bits : {2, 3, 4, 8}) add({3, 5, 2}, bits, bits % 2 == 0, -1, false, 1);
  add({4, 3, 2, 2}, 8, true, 0, false, 1);
  add({2, 3, 7}, 4, false, 1, true, 1);
  add({5, 3}, 8, true, 1, false, 0);
  add({}, 8, false, -1, false, 1);
  add({0, 3}, 8, false, -1, false, 1);
  add({3, 9000}, 8, true, -1, false, 1);
  return out;
}

}  // namespace

Rows fake_quant() {
  const std::vector<std::string> names = {"axis", "quant_min", "quant_max", "learned", "power_of_two"};
  return {
      {.name = "FakeQuant",
       .domain = "octet",
       .since = 0,
       .inputs = {3, 5},
       .outputs = {1, 2},
       .attributes = names,
       .infer = infer,
       .eval = eval<Way::reference>,
       .prepare = prepare_fast<eval<Way::fast>>,
       .gradient = gradient,
       .samples = [](Random& random) { return samples_with(random, false, 2); }},
      {.name = "LearnedScale",
       .domain = "octet",
       .since = 0,
       .inputs = {2, 2},
       .infer = infer_same_as_input,
       .eval = eval_learned_scale,
       .gradient = [](GradientContext& ctx) { ctx.set(1, ctx.div(ctx.output_gradient(), ctx.input(0))); },
       .samples = learned_scale_samples},
      {.name = "FakeQuantGrad",
       .domain = "octet",
       .since = 0,
       .inputs = {4, 5},
       .attributes = names,
       .infer = infer_gradient,
       .eval = eval_gradient<Way::reference>,
       .prepare = prepare_fast<eval_gradient<Way::fast>>,
       .samples = [](Random& random) { return samples_with(random, true, 1); }},
      {.name = "LearnedFakeQuantGrad",
       .domain = "octet",
       .since = 0,
       .inputs = {4, 5},
       .outputs = {3, 3},
       .attributes = names,
       .infer = infer_gradient,
       .eval = eval_learned_gradient<Way::reference>,
       .prepare = prepare_fast<eval_learned_gradient<Way::fast>>,
       .samples = [](Random& random) { return samples_with(random, true, 3); }},
  };
}

}  // namespace octet::ops
