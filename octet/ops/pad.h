// What those who move a Pad between floats and bytes ask of it.
#pragma once

#include "octet/graph/graph.h"

namespace octet::ops {

/// Whether a Pad's border is one number; false for any other node.
bool pads_with_constant(const Node& node);
/// Whether that number, given as an input, is not zero or not known. Bytes hold zero exactly, and perhaps no other.
bool pads_with_a_number(const Graph& graph, const Node& node);

}  // namespace octet::ops
