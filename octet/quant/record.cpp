#include "octet/quant/record.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "octet/ops/op.h"
#include "octet/runtime/step_info.h"

namespace octet::quant {
namespace {

bool is_quantized_operator(const Node& node) {
  static const std::set<std::string> names = {"QuantizeLinear", "DequantizeLinear",      "QLinearConv",
                                              "QLinearMatMul",  "DynamicQuantizeLinear", "MatMulInteger",
                                              "ConvInteger"};
  return names.contains(node.op_type);
}

// The first quantized operator, in subgraphs too; empty if there is none.
std::string quantized_operator(const Graph& graph) {
  for (const Node& node : graph.nodes) {
    if (is_quantized_operator(node)) return graph.label(node);
    for (const GraphPtr& body : subgraphs(node)) {
      if (std::string inner = quantized_operator(*body); !inner.empty()) return inner;
    }
  }
  return {};
}

// The inputs with a number for every dimension that the graph leaves open: 1 for the first, `other` for the rest.
InputShapes assumed_shapes(const Graph& graph, std::int64_t other) {
  InputShapes out;
  for (const ValueId id : graph.inputs) {
    const auto& shape = graph.value(id).type.shape;
    if (!shape || graph.initializer(id) != nullptr) continue;
    std::vector<std::int64_t> dims;
    for (const Dim& dim : *shape) dims.push_back(dim.known() ? dim.value : dims.empty() ? 1 : other);
    out.emplace_back(graph.value(id).name, Shape(dims));
  }
  return out;
}

std::vector<std::int64_t> count_with(const Graph& graph, const InputShapes& shapes) {
  Graph sized = clone(graph);
  ops::infer_shapes(sized, {.shapes = shapes});
  std::vector<std::int64_t> out;
  out.reserve(sized.nodes.size());
  for (const Node& node : sized.nodes) out.push_back(runtime::count_macs(sized, node));
  return out;
}

bool counts(const std::vector<std::int64_t>& macs) {
  return std::any_of(macs.begin(), macs.end(), [](std::int64_t n) { return n > 0; });
}

nlohmann::json node_json(const NodeRecord& node) {
  nlohmann::json out = {{"name", node.name}, {"op", node.op}, {"quantized", node.quantized}, {"reason", node.reason}};
  if (node.macs > 0) out["macs"] = node.macs;
  if (node.sqnr_db) out["sqnr_db"] = *node.sqnr_db;
  if (node.end_sqnr_db) out["end_sqnr_db"] = *node.end_sqnr_db;
  return out;
}

}  // namespace

std::vector<std::int64_t> count_macs(const Graph& graph, const InputShapes& feed, std::vector<std::string>& warnings) {
  if (!feed.empty()) return count_with(graph, feed);
  std::vector<std::int64_t> out(graph.nodes.size(), 0);
  for (const std::int64_t other : {1, 128}) {
    const InputShapes shapes = assumed_shapes(graph, other);
    try {
      out = count_with(graph, shapes);
    } catch (const Error&) {
      continue;  // such sizes contradict the network
    }
    if (!counts(out)) continue;
    if (other > 1 && !shapes.empty()) {
      warnings.push_back(fmt::format("work is counted for {} = {}: the network leaves sizes open", shapes[0].first,
                                     octet::to_string(shapes[0].second)));
    }
    break;
  }
  return out;
}

double coverage_of(const std::vector<NodeRecord>& nodes) {
  double all = 0, quantized = 0;
  for (const NodeRecord& node : nodes) {
    all += static_cast<double>(node.macs);
    if (node.quantized) quantized += static_cast<double>(node.macs);
  }
  if (all > 0) return quantized / all;
  const auto count = std::count_if(nodes.begin(), nodes.end(), [](const NodeRecord& n) { return n.quantized; });
  return nodes.empty() ? 0 : static_cast<double>(count) / static_cast<double>(nodes.size());
}

std::string to_json(const QuantizeResult& result, const std::map<std::string, std::string>& settings) {
  nlohmann::json out = {{"method", result.method}, {"coverage", result.coverage}, {"warnings", result.warnings}};
  for (const auto& [key, value] : settings) out[key] = value;
  out["nodes"] = nlohmann::json::array();
  for (const NodeRecord& node : result.nodes) out["nodes"].push_back(node_json(node));
  return out.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

void write_metadata(QuantizeResult& result, const std::string& numerics,
                    const std::map<std::string, std::string>& settings) {
  result.model.info.set_metadata("octet.method", result.method);
  result.model.info.set_metadata("octet.numerics", numerics);
  result.model.info.set_metadata("octet.quantization", to_json(result, settings));
}

void require_coverage(const QuantizeResult& result) {
  std::string reasons;
  for (const NodeRecord& node : result.nodes) {
    if (node.quantized) return;
    reasons += fmt::format("\n  {} ({}): {}", printable(node.name), printable(node.op), printable(node.reason));
  }
  throw Error(ErrorKind::gate, "nothing would be quantized:" + (reasons.empty() ? " the graph has no nodes" : reasons))
      .hint("leave out fewer nodes, or choose another method");
}

void require_float(const Graph& graph) {
  const std::string node = quantized_operator(graph);
  if (node.empty()) return;
  throw Error(ErrorKind::usage, "the model is quantized already")
      .node(node)
      .hint("quantize the float model that it was made from");
}

}  // namespace octet::quant
