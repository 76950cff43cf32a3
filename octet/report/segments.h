// A quantized graph cut at its quantized tensors, so that each piece can be run by itself.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "octet/runtime/session.h"

namespace octet::report {

/// One piece: from quantized tensors (or inputs of the network) to one quantized tensor (or output).
struct Segment {
  std::string target;             ///< name of what it computes
  std::string op;                 ///< what it does: "Conv", "Add", ...
  int quantize = -1;              ///< the node that quantizes the target; -1: a float output
  std::vector<int> nodes;         ///< in order
  std::vector<ValueId> boundary;  ///< what must be fed
};

/// `given`: values that are fed though nothing quantizes them.
std::vector<Segment> cut_at_quantized(const Graph& graph, const std::set<ValueId>& given = {});
/// The piece as a graph of its own; `values` are what its boundary holds.
Graph piece_of(const Graph& graph, const Segment& segment, const std::map<std::string, Tensor>& values);

}  // namespace octet::report
