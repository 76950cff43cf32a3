#include "octet/ops/fake_quant_channels.h"

#include <algorithm>
#include <cmath>

#include "octet/ops/elementwise.h"

namespace octet::ops {

QuantChannels quant_channels(const Attributes& attributes, const Shape& x) {
  if (!attributes.has("axis")) return {1, 1, x.elements(), false};
  const AxisSplit split = split_at(x, normalize_axis(attributes.integer("axis"), x.rank()));
  return {split.outer, split.size, split.inner, true};
}

void check_quant_input(const EvalContext& ctx, int input) {
  if (ctx.input(input).dtype() == DType::f32) return;
  throw wrong_type(ctx, ctx.input(input).dtype(), "float32");
}

void check_quant_state(const EvalContext& ctx, int input, const QuantChannels& channels, const char* name) {
  check_quant_input(ctx, input);
  const std::int64_t count = ctx.input(input).elements(), expected = channels.per_channel ? channels.channels : 1;
  if (count == expected) return;
  throw ctx
      .error(ErrorKind::bad_input, std::string("a fake quantization has another number of ") + name + " than channels")
      .value(std::to_string(count))
      .expected(std::to_string(expected));
}

float optional_scalar(const EvalContext& ctx, int input, float fallback) {
  if (!ctx.has_input(input)) return fallback;
  const std::vector<double> value = ctx.input(input).to_double();
  if (value.size() == 1) return static_cast<float>(value[0]);
  throw ctx.error(ErrorKind::bad_input, "a switch of a fake quantization is not one number")
      .value(std::to_string(value.size()) + " elements");
}

kernels::FakeQuantParams channel_params(const EvalContext& ctx, int scale, std::int64_t channel,
                                        const RangeRule& rule) {
  const float given = ctx.input(scale).data<float>()[channel], zero = ctx.input(scale + 1).data<float>()[channel];
  if (given == 0 || !std::isfinite(given) || !std::isfinite(zero)) {
    throw ctx.error(ErrorKind::bad_input, "the scale of a fake quantization is not a number above zero")
        .value(std::to_string(given) + ", zero point " + std::to_string(zero))
        .hint("a learned scale starts from data: calibrate before training; or training diverged");
  }
  return learned_params(given, zero, rule);
}

float follow_clipped(float clipped, std::int64_t outside, std::int64_t count) {
  if (count == 0) return clipped;
  const auto share = static_cast<float>(static_cast<double>(outside) / static_cast<double>(count));
  return clipped + kClippedFollows * (share - clipped);
}

std::int64_t fake_quant_plainly(const kernels::FakeQuantParams& p, const float* x, std::int64_t count, float* y) {
  std::int64_t outside = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const float q = std::nearbyint(x[i] * (1.0f / p.scale)) + p.zero_point;
    outside += q < p.qmin || q > p.qmax;
    y[i] = ((q < p.qmin ? p.qmin : q > p.qmax ? p.qmax : q) - p.zero_point) * p.scale;
  }
  return outside;
}

}  // namespace octet::ops
