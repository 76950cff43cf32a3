// Recomputation of activations on the way back, and what is held at once.
#pragma once

#include <map>
#include <vector>

#include "octet/autograd/autograd.h"

namespace octet {

/// Divides the nodes of a graph into segments. The gradient of a node in a segment that is computed again sees the new
/// values: the segment's nodes are appended a second time when its first gradient is asked for. What crosses into
/// a segment passes an octet.Barrier, so that no clean-up takes the two computations for one.
class Recompute {
 public:
  /// Without options.recompute there is one segment, and nothing is computed again.
  Recompute(Graph& graph, const DifferentiateOptions& options);

  int segments() const { return static_cast<int>(starts_.size()); }
  /// The node, number `index`, with the values that its gradient is to read.
  Node seen_from_behind(const Node& node, std::size_t index);

 private:
  void choose(const DifferentiateOptions& options);
  void compute_again(std::size_t segment);
  ValueId inside(ValueId id);

  Graph& graph_;
  std::vector<std::size_t> starts_;   ///< first node of each segment
  std::vector<bool> done_;            ///< segments that were computed again
  std::map<ValueId, ValueId> again_;  ///< value -> the same computed again, or behind a barrier; of the last segment
};

/// The most bytes that values computed by nodes take at once when the nodes run in order (views take none); 0 where
/// a size is not known. `dims` gives numbers for symbols.
std::int64_t peak_bytes(const Graph& graph, const std::vector<std::pair<std::string, std::int64_t>>& dims);

}  // namespace octet
