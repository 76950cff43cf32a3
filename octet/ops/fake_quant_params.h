// From an observed range to scale and zero point of a fake quantization, and the attributes that say how.
//
//   RangeRule rule{.qmin = 0, .qmax = 255};
//   kernels::FakeQuantParams p = params_of(-1.0f, 3.0f, rule);
#pragma once

#include "octet/graph/graph.h"
#include "octet/kernels/fake_quant/fake_quant.h"

namespace octet::ops {

/// How a range becomes parameters.
struct RangeRule {
  std::int32_t qmin = 0, qmax = 255;
  bool symmetric = false;
  bool fused = false;         ///< ATen's arithmetic of the fused modules; else that of torch.ao's observers
  float epsilon = 0x1p-23f;   ///< least scale of the observers' arithmetic
  bool power_of_two = false;  ///< the scale rounded up to a power of two
};

/// Attributes quant_min, quant_max, symmetric, rule ("observer", "fused"), epsilon, power_of_two.
/// Throws bad_input for an unknown rule or levels that are none.
RangeRule range_rule(const Attributes& attributes);
void set_range_rule(Attributes& attributes, const RangeRule& rule);

/// The range is widened to hold 0. Never observed (min > max): scale 1, zero point 0.
/// observer: scale = max((max - min) / (qmax - qmin), epsilon), symmetric: absmax / ((qmax - qmin) / 2), in float32;
///           zero_point = clamp(qmin - rint(min / scale)), symmetric: 0, or the middle where qmin >= 0.
/// fused:    in float64, the zero point from the scale as float32; symmetric first spreads a range with both signs over
/// -(n/2+1)..n/2, n = qmax - qmin; scale 0
///           or 1/scale infinite gives 0.1; least 6.1e-5; the zero point comes from the end with the smaller error
///           term, symmetric with both signs: rint((qmin + qmax) / 2).
/// Source: UniformQuantizationObserverBase of torch.ao; ChooseQuantizationParams of ATen.
kernels::FakeQuantParams params_of(float min, float max, const RangeRule& rule);

/// Of a learned scale and zero point: |scale|, at least 2^-23, as the nearest power of two where the rule says so; the
/// zero point rounded and clamped. Both finite.
kernels::FakeQuantParams learned_params(float scale, float zero_point, const RangeRule& rule);

/// 2^ceil(log2(scale)); exact for powers of two.
float next_power_of_two(float scale);
/// 2^round(log2(scale)).
float nearest_power_of_two(float scale);

}  // namespace octet::ops
