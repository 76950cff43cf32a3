// Which constants of a network are its parameters.
#pragma once

#include <string>
#include <vector>

#include "octet/graph/graph.h"

namespace octet {

/// Float initializers that a layer reads as weight or bias, directly or through nodes of constants alone (a weight
/// that is transposed or joined in the graph), in the order of the nodes. See make_trainable for which those are.
std::vector<ValueId> find_parameters(const Graph& graph);

/// `name` matches a pattern in which * stands for any characters.
bool matches_pattern(std::string_view name, std::string_view pattern);

}  // namespace octet
