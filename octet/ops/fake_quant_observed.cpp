// Observers as operators: ranges that follow the values that pass, and fake quantization with them.
//
// MovingRange: min' = min + c * (min(x...) - min), the same for max; a range not yet seen (infinite) is assigned;
//   nothing changes where `observe` is 0. expand: a batch beyond the range widens it at once, so that only its
//   shrinking is averaged and nothing that is observed is clipped.
//   inputs min, max, observe (optional), constant (optional), x...;  outputs min', max'
// RangeParams: scale and zero point of a range (fake_quant_params.h).
// ObservedFakeQuant: the three in one: MovingRange, then RangeParams of the new range, then FakeQuant with them.
//   inputs  x, min, max, clipped, observe, quantize, constant (all but x, min, max optional)
//   outputs y, min', max', clipped', scale, zero_point
// min, max f32, scalar or [C] of `axis`; `averaging_constant` is c where the input is left out.
// Source: MovingAverageMinMaxObserver and FusedMovingAvgObsFakeQuantize of torch.ao, fused_obs_fake_quant of ATen.
#include <algorithm>
#include <cmath>
#include <limits>

#include "octet/ops/elementwise.h"
#include "octet/ops/fake_quant_channels.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

using kernels::FakeQuantParams;
using kernels::MinMax;

constexpr float kInfinity = std::numeric_limits<float>::infinity();

MinMax range_reference(const float* x, std::int64_t count) {
  MinMax out{kInfinity, -kInfinity};
  for (std::int64_t i = 0; i < count; ++i) {
    if (x[i] < out.min) out.min = x[i];
    if (x[i] > out.max) out.max = x[i];
  }
  return out;
}

// Least and greatest of each channel.
template <Way way>
std::vector<MinMax> ranges_of(const Tensor& x, const QuantChannels& channels, ThreadPool& threads) {
  std::vector<MinMax> out(static_cast<std::size_t>(channels.channels), MinMax{kInfinity, -kInfinity});
  const float* data = x.data<float>();
  for (std::int64_t run = 0; run < channels.runs(); ++run) {
    const float* at = data + run * channels.inner;
    const MinMax part =
        way == Way::fast ? kernels::min_max(at, channels.inner, threads) : range_reference(at, channels.inner);
    MinMax& all = out[static_cast<std::size_t>(run % channels.channels)];
    all = {std::min(all.min, part.min), std::max(all.max, part.max)};
  }
  return out;
}

struct Following {
  bool observe = true, expand = false;
  float constant = 0.01f;
};

Following following(const EvalContext& ctx, int observe, int constant) {
  return {optional_scalar(ctx, observe, 1) != 0, ctx.attributes().integer("expand", 0) != 0,
          optional_scalar(ctx, constant, ctx.attributes().real("averaging_constant", 0.01f))};
}

MinMax follow(MinMax running, MinMax batch, const Following& how) {
  if (!how.observe || batch.min > batch.max) return running;
  if (how.constant >= 1) return batch;
  const float min = std::isinf(running.min) ? batch.min : running.min + how.constant * (batch.min - running.min);
  const float max = std::isinf(running.max) ? batch.max : running.max + how.constant * (batch.max - running.max);
  if (!how.expand) return {min, max};
  return {std::min(min, batch.min), std::max(max, batch.max)};
}

template <Way way>
void eval_moving_range(EvalContext& ctx) {
  const Following how = following(ctx, 2, 3);
  const Tensor &min = ctx.input(0), &max = ctx.input(1);
  for (const int i : {0, 1}) check_quant_input(ctx, i);
  if (min.elements() != max.elements()) {
    throw ctx.error(ErrorKind::bad_input, "a range has another number of minima than maxima")
        .value(to_string(min.shape()) + ", " + to_string(max.shape()));
  }
  std::vector<MinMax> batch(static_cast<std::size_t>(min.elements()), MinMax{kInfinity, -kInfinity});
  for (int i = 4; i < ctx.input_count(); ++i) {
    check_quant_input(ctx, i);
    const QuantChannels channels = quant_channels(ctx.attributes(), ctx.input(i).shape());
    check_quant_state(ctx, 0, channels, "ranges");
    check_quant_state(ctx, 1, channels, "ranges");
    const std::vector<MinMax> part = ranges_of<way>(ctx.input(i), channels, ctx.threads());
    for (std::size_t c = 0; c < part.size(); ++c) {
      batch[c] = {std::min(batch[c].min, part[c].min), std::max(batch[c].max, part[c].max)};
    }
  }
  Tensor& new_min = ctx.output(0, DType::f32, min.shape());
  Tensor& new_max = ctx.output(1, DType::f32, max.shape());
  for (std::size_t c = 0; c < batch.size(); ++c) {
    const MinMax now = follow({min.data<float>()[c], max.data<float>()[c]}, batch[c], how);
    new_min.data<float>()[c] = now.min;
    new_max.data<float>()[c] = now.max;
  }
}

void infer_moving_range(InferContext& ctx) {
  for (const int i : {0, 1}) {
    if (ctx.has_shape(i)) {
      ctx.set_output(i, DType::f32, ctx.shape(i));
    } else {
      ctx.set_output(i, DType::f32);
    }
  }
}

void eval_range_params(EvalContext& ctx) {
  const Tensor &min = ctx.input(0), &max = ctx.input(1);
  for (const int i : {0, 1}) check_quant_input(ctx, i);
  if (min.elements() != max.elements()) {
    throw ctx.error(ErrorKind::bad_input, "a range has another number of minima than maxima")
        .value(to_string(min.shape()) + ", " + to_string(max.shape()));
  }
  const RangeRule rule = range_rule(ctx.attributes());
  Tensor& scale = ctx.output(0, DType::f32, min.shape());
  Tensor& zero = ctx.output(1, DType::f32, max.shape());
  for (std::int64_t c = 0; c < min.elements(); ++c) {
    const FakeQuantParams p = params_of(min.data<float>()[c], max.data<float>()[c], rule);
    scale.data<float>()[c] = p.scale;
    zero.data<float>()[c] = p.zero_point;
  }
}

template <Way way>
void eval_observed(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  check_quant_input(ctx, 0);
  const QuantChannels channels = quant_channels(ctx.attributes(), x.shape());
  check_quant_state(ctx, 1, channels, "ranges");
  check_quant_state(ctx, 2, channels, "ranges");
  const RangeRule rule = range_rule(ctx.attributes());
  const Following how = following(ctx, 4, 6);
  const bool quantize = optional_scalar(ctx, 5, 1) != 0;
  std::vector<MinMax> batch(static_cast<std::size_t>(channels.channels), MinMax{kInfinity, -kInfinity});
  if (how.observe) batch = ranges_of<way>(x, channels, ctx.threads());

  Tensor& min = ctx.output(1, DType::f32, ctx.input(1).shape());
  Tensor& max = ctx.output(2, DType::f32, ctx.input(2).shape());
  Tensor& scale = ctx.output(4, DType::f32, ctx.input(1).shape());
  Tensor& zero = ctx.output(5, DType::f32, ctx.input(1).shape());
  std::vector<FakeQuantParams> params;
  for (std::size_t c = 0; c < batch.size(); ++c) {
    const MinMax now = follow({ctx.input(1).data<float>()[c], ctx.input(2).data<float>()[c]}, batch[c], how);
    params.push_back(params_of(now.min, now.max, rule));
    min.data<float>()[c] = now.min;
    max.data<float>()[c] = now.max;
    scale.data<float>()[c] = params.back().scale;
    zero.data<float>()[c] = params.back().zero_point;
  }
  Tensor& y = ctx.output(0, DType::f32, x.shape());
  const float clipped = optional_scalar(ctx, 3, 0);
  Tensor& new_clipped = ctx.output(3, DType::f32, {});
  new_clipped.data<float>()[0] = clipped;
  if (!quantize) {
    if (x.bytes() > 0) std::memcpy(y.raw(), x.raw(), x.bytes());
    return;
  }
  std::int64_t outside = 0;
  for (std::int64_t run = 0; run < channels.runs(); ++run) {
    const FakeQuantParams& p = params[static_cast<std::size_t>(run % channels.channels)];
    const float* from = x.data<float>() + run * channels.inner;
    float* to = y.data<float>() + run * channels.inner;
    outside += way == Way::fast ? kernels::fake_quant(p, from, channels.inner, to, ctx.threads())
                                : fake_quant_plainly(p, from, channels.inner, to);
  }
  new_clipped.data<float>()[0] = follow_clipped(clipped, outside, x.elements());
}

void infer_observed(InferContext& ctx) {
  range_rule(ctx.attributes());
  infer_same_as_input(ctx);
  for (const int i : {1, 2, 4, 5}) {
    const int like = i == 2 ? 2 : 1;
    if (i >= ctx.output_count()) continue;
    if (ctx.has_shape(like)) {
      ctx.set_output(i, DType::f32, ctx.shape(like));
    } else {
      ctx.set_output(i, DType::f32);
    }
  }
  if (ctx.output_count() > 3) ctx.set_output(3, DType::f32, SymbolicShape{});
}

// Straight through with the parameters that were used; ranges learn nothing.
void gradient_observed(GradientContext& ctx) {
  Attributes attributes;
  for (const char* name : {"axis", "quant_min", "quant_max"}) {
    if (const AttributeValue* value = ctx.attributes().find(name)) attributes.set(name, *value);
  }
  const std::vector<ValueId> inputs = {ctx.output_gradient(), ctx.input(0), ctx.output(4), ctx.output(5), ctx.input(5)};
  ctx.set(0, ctx.emit_own("FakeQuantGrad", inputs, attributes));
}

// ---- samples ----

Attributes attributes_of_rule(const RangeRule& rule, int axis) {
  Attributes out;
  set_range_rule(out, rule);
  if (axis >= 0) out.set("axis", std::int64_t{axis});
  return out;
}

const RangeRule kRules[] = {{0, 255, false, false, 0x1p-23f, false},
                            {-128, 127, true, true, 0x1p-23f, false},
                            {-8, 7, true, false, 0x1p-12f, true},
                            {0, 15, false, true, 0x1p-23f, true},
                            {-127, 127, true, false, 0x1p-23f, false}};

std::vector<Sample> observed_samples(Random& random) {
  std::vector<Sample> out;
  const auto add = [&](const Shape& shape, const RangeRule& rule, int axis, bool seen, float observe, float quantize) {
    Sample sample{.attributes = attributes_of_rule(rule, axis), .outputs = 6};
    sample.attributes.set("expand", std::int64_t{rule.symmetric});
    const Shape channels = axis < 0 ? Shape{} : Shape{shape[axis]};
    sample.inputs.push_back(random_tensor(random, DType::f32, shape, -3, 3));
    Tensor min = random_tensor(random, DType::f32, channels, -2, -1),
           max = random_tensor(random, DType::f32, channels, 0, 2);
    if (!seen) {
      std::fill_n(min.data<float>(), min.elements(), kInfinity);
      std::fill_n(max.data<float>(), max.elements(), -kInfinity);
    }
    for (Tensor& tensor : std::vector<Tensor>{min, max, Tensor::scalar(0.5f), Tensor::scalar(observe),
                                              Tensor::scalar(quantize), Tensor::scalar(0.1f)}) {
      sample.inputs.push_back(tensor);
    }
    out.push_back(std::move(sample));
  };
  for (const RangeRule& rule : kRules) {
    add({3, 4, 5}, rule, -1, true, 1, 1);
    add({4, 2, 3, 3}, rule, 0, true, 1, 1);
  }
  add({2, 3, 5}, kRules[1], 1, false, 1, 1);
  add({2, 30000}, kRules[0], -1, false, 1, 1);
  add({3, 4}, kRules[0], -1, true, 0, 1);
  add({3, 4}, kRules[0], -1, true, 1, 0);
  add({3, 4}, kRules[0], -1, false, 0, 1);
  add({0, 4}, kRules[0], -1, false, 1, 1);
  return out;
}

std::vector<Sample> moving_range_samples(Random& random) {
  std::vector<Sample> out;
  for (const float observe : {1.0f, 0.0f}) {
    Sample sample{.outputs = 2};
    for (const float bound : {-1.0f, 1.0f}) sample.inputs.push_back(Tensor::scalar(bound));
    sample.inputs.push_back(Tensor::scalar(observe));
    sample.inputs.push_back(Tensor::scalar(0.25f));
    sample.inputs.push_back(random_tensor(random, DType::f32, {3, 4}));
    sample.inputs.push_back(random_tensor(random, DType::f32, {20000}));
    out.push_back(std::move(sample));
  }
  Sample channels{.attributes = make_attributes({{"axis", 1}, {"averaging_constant", 0.5f}}), .outputs = 2};
  channels.inputs = {random_tensor(random, DType::f32, {3}, -2, 0), random_tensor(random, DType::f32, {3}, 0, 2),
                     Tensor(), Tensor(), random_tensor(random, DType::f32, {4, 3, 2})};
  out.push_back(std::move(channels));
  return out;
}

std::vector<Sample> range_params_samples(Random& random) {
  std::vector<Sample> out;
  for (const RangeRule& rule : kRules) {
    Sample sample{.attributes = attributes_of_rule(rule, -1), .outputs = 2};
    sample.inputs = {random_tensor(random, DType::f32, {7}, -2, 1), random_tensor(random, DType::f32, {7}, 1, 2)};
    out.push_back(std::move(sample));
  }
  return out;
}

}  // namespace

Rows fake_quant_observed() {
  const std::vector<std::string> rule = {"quant_min", "quant_max", "symmetric", "rule", "epsilon", "power_of_two"};
  std::vector<std::string> all = rule;
  all.insert(all.end(), {"axis", "averaging_constant", "expand"});
  return {
      {.name = "MovingRange",
       .domain = "octet",
       .since = 0,
       .inputs = {2, kVariadic},
       .outputs = {2, 2},
       .attributes = {"axis", "averaging_constant", "expand"},
       .infer = infer_moving_range,
       .eval = eval_moving_range<Way::reference>,
       .prepare = prepare_fast<eval_moving_range<Way::fast>>,
       .zero_gradient = true,
       .samples = moving_range_samples},
      {.name = "RangeParams",
       .domain = "octet",
       .since = 0,
       .inputs = {2, 2},
       .outputs = {2, 2},
       .attributes = rule,
       .infer = infer_moving_range,
       .eval = eval_range_params,
       .zero_gradient = true,
       .samples = range_params_samples},
      {.name = "ObservedFakeQuant",
       .domain = "octet",
       .since = 0,
       .inputs = {3, 7},
       .outputs = {6, 6},
       .attributes = all,
       .infer = infer_observed,
       .eval = eval_observed<Way::reference>,
       .prepare = prepare_fast<eval_observed<Way::fast>>,
       .gradient = gradient_observed,
       .samples = observed_samples},
  };
}

}  // namespace octet::ops
