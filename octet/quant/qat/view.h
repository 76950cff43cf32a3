// A training graph as inference will see it: batch norms taken into the layers before them, dropouts as nothing.
// Values keep their ids, so what is decided on the view holds for the graph.
#pragma once

#include <map>
#include <vector>

#include "octet/quant/layers.h"
#include "octet/quant/placement.h"

namespace octet::quant {

/// A batch norm that alone reads a layer's output, and whose parameters are constants.
struct FoldedBatchNorm {
  int layer = -1, batch_norm = -1;  ///< indices of the nodes in the graph looked at
  ValueId gamma = kNoValue, beta = kNoValue, mean = kNoValue, variance = kNoValue;
  float epsilon = 1e-5F;
};

struct View {
  Graph graph;
  std::vector<int> original;              ///< of each node of the view: its index in the graph looked at
  std::map<int, FoldedBatchNorm> folded;  ///< by the layer's index in the graph looked at
};
View inference_view(const Graph& graph);

/// As torch's eager mode places its observers: behind the inputs of layers, behind every layer, and behind every
/// operator that computes new values of quantized ones; what only moves or clamps elements shares parameters.
Placement place_modules(const Graph& graph, const std::vector<Layer>& layers);

}  // namespace octet::quant
