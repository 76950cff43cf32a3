// The step of a network whose weights are stored in eight bits, as rewrites of its graph.
#pragma once

#include <string>
#include <vector>

#include "octet/graph/graph.h"

namespace octet::train {

/// The weights of layers (Conv, ConvTranspose, Gemm, MatMul) among `parameters`.
std::vector<std::string> layer_weights(const Graph& graph, const std::vector<std::string>& parameters);

/// Before differentiation: each of `weights` becomes a float16 initializer that is widened where it is read, and what
/// goes into and comes out of a layer passes through float16: gradients of both then are float16 too. Arithmetic stays
/// float32.
void store_in_half(Graph& graph, const std::vector<std::string>& weights);

/// Names of the inputs that hold a stored weight.
std::string stored_values_name(const std::string& weight);  ///< int8
std::string stored_scales_name(const std::string& weight);  ///< float32

/// After differentiation, where each of `weights` is a float16 input: it is replaced by its stored form, decompressed
/// anew for every node that reads it, forward and backward; what was widened is widened anew likewise. Nodes are
/// ordered so that each such copy comes right before its reader.
void decompress_at_use(Graph& graph, const std::vector<std::string>& weights, std::int64_t block);

/// The most bytes of decompressed weights (float16 and widened) alive at once, in the order of the graph's nodes, and
/// the bytes that the largest single weight takes. Values without a known shape throw internal.
struct DecompressedBytes {
  std::int64_t peak = 0, largest = 0;
};
DecompressedBytes decompressed_bytes(const Graph& graph);

}  // namespace octet::train
