// What every method does before and after its own work.
#pragma once

#include <string>
#include <vector>

#include "octet/quant/statistics.h"

namespace octet::quant {

/// A simplified copy at an opset that can express per-channel DequantizeLinear (13), with clean-ups said in
/// `warnings` where they matter. Throws usage for a graph that is quantized already.
Graph prepare(const Graph& graph, std::vector<std::string>& warnings);
/// Standard operators only, verified.
void finish(Graph& graph);

Statistics load_statistics(const std::string& path);
void save_statistics(const std::string& path, const Statistics& statistics);

}  // namespace octet::quant
