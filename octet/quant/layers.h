// What of a graph can be quantized: its weighted layers, and for every other node the reason.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "octet/ops/op.h"
#include "octet/quant/quantize.h"

namespace octet::quant {

/// A node that multiplies an activation by a constant weight.
struct Layer {
  int node = -1;  ///< index in graph.nodes
  ValueId input = kNoValue, weight = kNoValue, bias = kNoValue;
  int channel_axis = 0;  ///< of the weight: counts the output channels
  std::int64_t channels = 1;
};

/// What the graph's nodes are before anything is decided.
struct Candidates {
  std::vector<Layer> layers;
  std::vector<std::string> reasons;  ///< one a node: why it is no layer; empty for a layer
};

/// Weighted nodes (Conv, Gemm, MatMul, ...) with a float32 constant weight, those of `exclude` left out.
/// `unused` names (of exclude.nodes and exclude.operators) that matched nothing give a warning each.
Candidates find_layers(const Graph& graph, const Exclusions& exclude, std::vector<std::string>& warnings);

/// Why a node cannot be a layer; empty when it can.
std::string layer_obstacle(const Graph& graph, const Node& node);
/// The axis of a layer's weight that counts its output channels.
int weight_channel_axis(const Graph& graph, const Node& node);

/// Says of each node of a graph whether it is left out, and why; remembers which names matched.
class ExclusionMatcher {
 public:
  explicit ExclusionMatcher(const Exclusions& exclude) : exclude_(exclude) {}
  /// Empty: not left out by name, pattern or operator.
  std::string reason(const Graph& graph, const Node& node);
  /// A warning for each name that matched nothing.
  void warn_unused(std::vector<std::string>& warnings) const;

 private:
  const Exclusions& exclude_;
  std::set<std::string> used_;
};

/// Shell patterns: * any run of characters, ? any one. Linear in text times pattern.
bool matches(const std::string& pattern, const std::string& text);

/// The row of a node's operator, or nullptr.
const OpDef* find_op(const Graph& graph, const Node& node);

}  // namespace octet::quant
