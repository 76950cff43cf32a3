// Nodes with int8 weights whose activations the engine quantizes row by row as they come: named in the metadata.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "octet/graph/graph.h"
#include "octet/quant/weights.h"

namespace octet::quant {

/// The metadata "octet.dynamic_per_row": one name a line, so every node named gets one of its own.
class PerRowNodes {
 public:
  void add(const Graph& graph, Node& node);
  /// Nothing where there are none.
  void write_metadata(Graph& model) const;

 private:
  std::vector<std::string> names_;
  std::set<std::string> taken_;
};

/// Whether a matrix product has such a form whose rows are those of its input.
bool has_rows(const Node& node);
/// The product that computes `output` takes its weight in int8 and its input row by row.
void quantize_by_row(Graph& graph, ValueId output, int channel_axis, WeightWriter& writer, PerRowNodes& nodes);

}  // namespace octet::quant
