// What a step costs, from the shapes of its node.
#pragma once

#include "octet/runtime/session.h"

namespace octet::runtime {

/// Multiply-accumulates of one run of `node` (Conv, Gemm, MatMul, recurrent layers and their runtime
/// forms; 0 for others, and where shapes are not known).
std::int64_t count_macs(const Graph& graph, const Node& node);
/// Bytes of all inputs and outputs whose shapes are known.
std::int64_t count_bytes(const Graph& graph, const Node& node);

}  // namespace octet::runtime
