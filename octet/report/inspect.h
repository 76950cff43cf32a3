// What is in a network: inputs, outputs, every node with its shapes, cost and quantization.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "octet/graph/graph.h"

namespace octet::report {

struct ValueInfo {
  std::string name, dtype, shape;  ///< "float32", "Nx3x224x224"
};

struct NodeInfo {
  std::string name, op;
  std::vector<ValueInfo> outputs;
  std::int64_t parameters = 0, bytes = 0;  ///< of the weights that it reads (shared ones count at the first reader)
  std::int64_t macs = 0;
  std::string quantization;  ///< "u8 x s8 per channel", "s8 weights", or empty: float
};

struct ModelInfoReport {
  std::vector<ValueInfo> inputs, outputs;
  std::vector<NodeInfo> nodes;
  std::int64_t parameters = 0, macs = 0, size_bytes = 0;
  bool macs_complete = true;  ///< false: a shape that a cost depends on is not known
  int opset = 0;
  std::string producer;
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// `graph` has its shapes inferred as far as they are known; `size_bytes` is the file's.
ModelInfoReport inspect(const Graph& graph, std::int64_t size_bytes);

nlohmann::ordered_json to_json(const ModelInfoReport& report);
/// A table of the layers (constants and steps between float and integers left out), then a summary; `width` as
/// in Table::text.
std::string to_text(const ModelInfoReport& report, int width);

/// How a node of a quantized graph is quantized: from the QuantizeLinear / DequantizeLinear pairs around it.
std::string quantization_of(const Graph& graph, const Uses& uses, const Node& node);
/// Whether the graph holds quantized operators already.
bool is_quantized(const Graph& graph);

}  // namespace octet::report
