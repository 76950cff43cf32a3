// When fake quantization observes and quantizes, as values of the graph.
#pragma once

#include "octet/quant/qat/qconfig.h"

namespace octet::quant {

/// 1 or 0 by the input `octet.step` (added where it is needed); kNoValue where always 1.
struct Switches {
  ValueId observe = kNoValue, quantize = kNoValue;
};
Switches add_switches(Graph& graph, const RangeSchedule& schedule);

}  // namespace octet::quant
