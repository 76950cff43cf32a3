// Layers whose activations are quantized row by row (metadata "octet.dynamic_per_row"), each with its referee.
#pragma once

#include <optional>
#include <vector>

#include "octet/report/segments.h"

namespace octet::report {

/// One such layer by itself: from its activation to its output.
struct PerRowLayer {
  Segment segment;
  ValueId activation = kNoValue;
  bool image = false;  ///< a convolution: one scale a picture instead of one a row
};

/// MatMul, Gemm and Conv layers that the metadata names; `others` counts what else it names (recurrent
/// layers, whose state is quantized too).
std::vector<PerRowLayer> per_row_layers(const Graph& graph, int& others);

/// The layer computed in float on a fake-quantized activation, in standard operators:
///   scale = (max - min) / 255 over a row (a picture), 0 among its numbers; zero = rint(-min * (1 / scale))
///   x' = (clamp(rint(x * (1 / scale)) + zero, 0, 255) - zero) * scale
Graph fake_quantized(const Graph& piece, const std::string& activation, bool image);

}  // namespace octet::report
