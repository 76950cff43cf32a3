// What prepare_qat and convert decide alike: the layers of a graph, and where values are quantized.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "octet/quant/qat/qconfig.h"
#include "octet/quant/qat/view.h"

namespace octet::quant {

inline constexpr const char* kQatMetadata = "octet.qat";

struct QatPlan {
  View view;
  Candidates candidates;  ///< node indices of the view
  Placement placement;    ///< of the view
  std::vector<NodeRecord> nodes;
};
/// Shapes of `graph` are inferred first. Throws gate, with every node's reason, when there is no layer.
QatPlan plan_qat(Graph& graph, const QConfig& config, std::vector<std::string>& warnings);

/// The configuration that prepare_qat left in the metadata. Throws gate, naming every layer, when there is none.
QConfig prepared_config(const Graph& graph);

/// A fake quantization in a graph: operator FakeQuant or ObservedFakeQuant.
bool is_fake_quant(const Node& node);

}  // namespace octet::quant
