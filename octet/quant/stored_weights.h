// Weights that can be stored as int8 while the arithmetic around them stays as it is: what dynamic and
// weight-only quantization change.
#pragma once

#include <string>
#include <vector>

#include "octet/quant/layers.h"

namespace octet::quant {

/// One input of a node that holds a constant weight, and the axis that counts its channels.
struct StoredWeight {
  int slot = 0, axis = 0;
};

/// What can be stored of a node: the weight of a layer (Conv, Gemm, MatMul, ...), the gate matrices of a
/// recurrent operator (one scale a gate row), the table of a Gather (one scale a row). Empty: nothing, and
/// `reason` says why.
std::vector<StoredWeight> stored_weights(const Graph& graph, const Node& node, std::string& reason);

/// LSTM, GRU and RNN: weights in slots 1 (input) and 2 (recurrence).
bool is_recurrent(const Node& node);

}  // namespace octet::quant
