// How operators that know no layout are written for images in channels-last order.
#pragma once

#include <optional>
#include <vector>

#include "octet/runtime/runtime_op.h"

namespace octet::runtime {

/// The permutation from [N, C, spatial...] to [N, spatial..., C], and back.
std::vector<std::int64_t> to_last(int rank);
std::vector<std::int64_t> to_first(int rank);
/// Where axis `axis` of [N, C, spatial...] is in [N, spatial..., C].
std::int64_t axis_in_last(std::int64_t axis, int rank);
SymbolicShape permuted(const SymbolicShape& shape, const std::vector<std::int64_t>& perm);

/// A node for channels-last data: `images` are the inputs that must be given in that order (the node
/// still names the old values); constants are already turned.
struct Turned {
  Node node;
  std::vector<int> images;
  int image_outputs = -1;  ///< the first outputs that are images; -1: all
};
/// Nothing where the operator depends on the order of axes, or too little is known of it.
std::optional<Turned> turn(Graph& graph, const Node& node);

}  // namespace octet::runtime
