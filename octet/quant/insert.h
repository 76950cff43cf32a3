// Writes a decision into a graph as standard QuantizeLinear / DequantizeLinear pairs.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "octet/quant/placement.h"
#include "octet/quant/weights.h"

namespace octet::quant {

struct InsertOptions {
  Scheme activation, weight;
  bool per_channel = true;
  WeightWriter::Rounder rounder = {};
  /// By layer.node: parameters of its weight that were decided before (one, or one a channel); else they come from
  /// the weight's largest magnitudes.
  std::map<int, std::vector<Affine>> given = {};
  /// Biases stay float32: with few levels a step of input scale * weight scale is too coarse for them.
  bool float_bias = false;
};

/// Rewrites `graph`: pairs on every value that `placement` quantizes (parameters[group]), DequantizeLinear
/// on int8 weights of the layers and on their int32 biases (scale = input scale * weight scale), and
/// removes the float weights that nothing reads any more. The graph is left sorted.
void insert_pairs(Graph& graph, const std::vector<Layer>& layers, const Placement& placement,
                  const std::vector<Affine>& parameters, const InsertOptions& options,
                  std::vector<std::string>& warnings);

}  // namespace octet::quant
