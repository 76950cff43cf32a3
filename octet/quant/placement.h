// Which values of a graph are to carry int8 when a given set of layers is quantized. It follows the fusions of the
// engine: a weighted layer takes its bias, a residual Add, an activation, and behind it a product and a sum with one
// number each, so there is nothing to quantize between them.
#pragma once

#include <map>
#include <vector>

#include "octet/quant/layers.h"

namespace octet::quant {

struct Placement {
  /// Per node: computes on int8, alone or as part of a layer.
  std::vector<bool> int8;
  /// Per node: index of the layer (in the list given) that computes it with its own epilogue, or -1.
  std::vector<int> fused_into;
  /// Values that are quantized, each with the group whose parameters it has.
  std::map<ValueId, int> group;
  /// Per group: the values whose ranges count (what only moves elements adds nothing).
  std::vector<std::vector<ValueId>> sources;

  bool quantized(ValueId id) const { return group.contains(id); }
  /// True when the reader takes `id` in int8: it computes on int8 and `id` is one of its data inputs.
  bool reads_int8(const Graph& graph, int reader, ValueId id) const;
};

/// `layers` is the set to be quantized, in the order of the graph's nodes. `frozen` nodes (by index; may
/// be empty) stay float whatever their neighbours are. `every_output`: nothing is fused, and each layer's output is
/// quantized whoever reads it (Static::every_output).
Placement place(const Graph& graph, const std::vector<Layer>& layers, const std::vector<bool>& frozen = {},
                bool every_output = false);

}  // namespace octet::quant
