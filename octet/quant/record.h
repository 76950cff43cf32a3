// The record of a quantization: every node, what became of it and why, and the share of the work in int8.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "octet/quant/quantize.h"

namespace octet::quant {

using InputShapes = std::vector<std::pair<std::string, Shape>>;

/// Multiply-accumulates of every node (subgraphs apart) for one sample: with the shapes of `feed`, or, where it
/// is empty, with 1 for every dimension that the graph leaves open; where nothing can be counted so, with 128
/// for all of them but the first, which a warning says.
std::vector<std::int64_t> count_macs(const Graph& graph, const InputShapes& feed, std::vector<std::string>& warnings);

/// Share of the multiply-accumulates done by quantized nodes; of the nodes where none has any.
double coverage_of(const std::vector<NodeRecord>& nodes);

/// {"method", "coverage", "nodes": [...], "warnings": [...], ...settings}: metadata "octet.quantization".
std::string to_json(const QuantizeResult& result, const std::map<std::string, std::string>& settings);

/// Writes octet.method, octet.numerics and octet.quantization into the model's metadata.
void write_metadata(QuantizeResult& result, const std::string& numerics,
                    const std::map<std::string, std::string>& settings);

/// Throws gate, with every node's reason, when no node is quantized.
void require_coverage(const QuantizeResult& result);

/// Throws usage when the graph holds quantized operators or was written by Octet's quantize.
void require_float(const Graph& graph);

}  // namespace octet::quant
