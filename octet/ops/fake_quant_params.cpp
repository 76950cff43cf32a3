#include "octet/ops/fake_quant_params.h"

#include <algorithm>
#include <cmath>

namespace octet::ops {
namespace {

constexpr double kSmallScale = 6.1e-5;

kernels::FakeQuantParams observer_params(float min, float max, const RangeRule& rule) {
  const auto levels = static_cast<float>(rule.qmax - rule.qmin);
  float scale = rule.symmetric ? std::max(-min, max) / (levels / 2) : (max - min) / levels;
  scale = std::max(scale, rule.epsilon);
  if (rule.power_of_two) scale = next_power_of_two(scale);
  kernels::FakeQuantParams out{scale, 0, static_cast<float>(rule.qmin), static_cast<float>(rule.qmax)};
  if (rule.symmetric) {
    const std::int32_t middle = rule.qmax - rule.qmin == 255 ? 128 : (rule.qmin + rule.qmax) / 2;
    if (rule.qmin >= 0) out.zero_point = static_cast<float>(middle);
  } else {
    out.zero_point = std::clamp(out.qmin - std::nearbyint(min / scale), out.qmin, out.qmax);
  }
  return out;
}

// Names as in ATen, whose order of operations counts.
kernels::FakeQuantParams fused_params(float min, float max, const RangeRule& rule) {
  const std::int32_t qmin = rule.qmin, qmax = rule.qmax;
  const bool middle = rule.symmetric && min < 0 && max > 0;
  if (middle) {
    const int symmetric_qmin = -((qmax - qmin) / 2 + 1), symmetric_qmax = (qmax - qmin) / 2;
    const double max_scale = std::max(std::abs(double{min / static_cast<float>(symmetric_qmin)}),
                                      std::abs(double{max / static_cast<float>(symmetric_qmax)}));
    min = static_cast<float>(max_scale * symmetric_qmin);
    max = static_cast<float>(max_scale * symmetric_qmax);
  }
  min = std::min(min, 0.0f);
  max = std::max(max, 0.0f);
  double scale = (double{max} - double{min}) / (qmax - qmin);
  if (static_cast<float>(scale) == 0.0f || std::isinf(1.0f / static_cast<float>(scale))) scale = 0.1;
  if (rule.power_of_two) scale = double{next_power_of_two(static_cast<float>(scale))};
  if (scale < kSmallScale) {
    const auto given = static_cast<float>(scale);
    scale = kSmallScale;
    if (min == 0.0f) {
      max = static_cast<float>(kSmallScale * (qmax - qmin));
    } else if (max == 0.0f) {
      min = static_cast<float>(-kSmallScale * (qmax - qmin));
    } else {
      const auto amplifier = static_cast<float>(kSmallScale / double{given});
      min *= amplifier;
      max *= amplifier;
    }
    if (rule.power_of_two) scale = double{next_power_of_two(static_cast<float>(scale))};
  }
  // The operator hands the scale on as float32 before the zero point is computed (torch 2.13, measured).
  scale = double{static_cast<float>(scale)};
  const double from_min = qmin - double{min} / scale, from_max = qmax - double{max} / scale;
  const double min_error = std::abs(qmin) - std::abs(double{min} / scale);
  const double max_error = std::abs(qmax) - std::abs(double{max} / scale);
  double zero_point = min_error < max_error ? from_min : from_max;
  if (middle) zero_point = (qmin + qmax) / 2.0;
  const double nudged = std::clamp(std::nearbyint(zero_point), double{1} * qmin, double{1} * qmax);
  return {static_cast<float>(scale), static_cast<float>(nudged), static_cast<float>(qmin), static_cast<float>(qmax)};
}

}  // namespace

RangeRule range_rule(const Attributes& attributes) {
  RangeRule rule;
  rule.qmin = static_cast<std::int32_t>(attributes.integer("quant_min", 0));
  rule.qmax = static_cast<std::int32_t>(attributes.integer("quant_max", 255));
  rule.symmetric = attributes.integer("symmetric", 0) != 0;
  rule.epsilon = attributes.real("epsilon", rule.epsilon);
  rule.power_of_two = attributes.integer("power_of_two", 0) != 0;
  const std::string text = attributes.text("rule", "observer");
  rule.fused = text == "fused";
  if (!rule.fused && text != "observer") {
    throw Error(ErrorKind::bad_input, "unknown rule of a fake quantization").value(text).expected("observer or fused");
  }
  if (rule.qmin >= rule.qmax || rule.qmin > 0 || rule.qmax < 0 || rule.qmax - rule.qmin > 65535) {
    throw Error(ErrorKind::bad_input, "the levels of a fake quantization make no sense")
        .value(std::to_string(rule.qmin) + ".." + std::to_string(rule.qmax))
        .expected("quant_min <= 0 <= quant_max, at most 65536 levels");
  }
  return rule;
}

void set_range_rule(Attributes& attributes, const RangeRule& rule) {
  attributes.set("quant_min", std::int64_t{rule.qmin});
  attributes.set("quant_max", std::int64_t{rule.qmax});
  attributes.set("symmetric", std::int64_t{rule.symmetric});
  attributes.set("rule", std::string(rule.fused ? "fused" : "observer"));
  attributes.set("epsilon", rule.epsilon);
  attributes.set("power_of_two", std::int64_t{rule.power_of_two});
}

kernels::FakeQuantParams params_of(float min, float max, const RangeRule& rule) {
  if (min > max) return {1, 0, static_cast<float>(rule.qmin), static_cast<float>(rule.qmax)};
  if (rule.fused) return fused_params(min, max, rule);
  return observer_params(std::min(min, 0.0f), std::max(max, 0.0f), rule);
}

kernels::FakeQuantParams learned_params(float scale, float zero_point, const RangeRule& rule) {
  kernels::FakeQuantParams out{std::max(std::abs(scale), 0x1p-23f), 0, static_cast<float>(rule.qmin),
                               static_cast<float>(rule.qmax)};
  if (rule.power_of_two) out.scale = nearest_power_of_two(out.scale);
  out.zero_point = std::clamp(std::nearbyint(zero_point), out.qmin, out.qmax);
  return out;
}

float next_power_of_two(float scale) {
  int exponent = 0;
  const float fraction = std::frexp(scale, &exponent);  // in [0.5, 1)
  return std::ldexp(1.0f, fraction == 0.5f ? exponent - 1 : exponent);
}

float nearest_power_of_two(float scale) { return std::ldexp(1.0f, static_cast<int>(std::nearbyint(std::log2(scale)))); }

}  // namespace octet::ops
