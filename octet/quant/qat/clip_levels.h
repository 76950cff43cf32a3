// Levels fewer than a type has, in standard operators.
#pragma once

#include <vector>

#include "octet/graph/graph.h"

namespace octet::quant {

/// Before each QuantizeLinear (per tensor) of one of `values`: Clip to [(qmin - zero_point) * scale, (qmax -
/// zero_point) * scale], so that it gives levels qmin..qmax only. A Relu or Clip that makes the value for it alone is
/// replaced.
void clip_levels(Graph& graph, const std::vector<ValueId>& values, std::int32_t qmin, std::int32_t qmax);

/// Layers of quantized weights that have a float bias give it to an Add behind them: ONNX Runtime would round it to
/// whole steps of input scale * weight scale, which are coarse with few levels.
void split_float_biases(Graph& graph);

}  // namespace octet::quant
