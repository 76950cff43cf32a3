// Networks exported for one sample at a time, made to take batches.
#pragma once

#include <string>

#include "octet/graph/graph.h"

namespace octet::train {

/// Makes the first dimension of every input that is fixed to 1 free, where the network then still computes sample by
/// sample. Returns an empty text, or why it was left as it was (the graph is then unchanged).
std::string free_batch(Graph& graph);
/// Fixes the first dimension of inputs and outputs to 1 again.
void fix_batch(Graph& graph);

}  // namespace octet::train
