#include "octet/report/segments.h"

#include <algorithm>
#include <set>

namespace octet::report {
namespace {

// A node that quantizes an activation (weights are quantized in the file already).
bool quantizes(const Graph& graph, const Node& node) {
  return (node.op_type == "QuantizeLinear" && graph.initializer(node.inputs[0]) == nullptr) ||
         node.op_type == "DynamicQuantizeLinear";
}

struct Cutter {
  const Graph& graph;
  const std::set<ValueId>& given;
  Uses uses{graph};

  bool is_boundary(ValueId id) const {
    const int index = uses.producer(id);
    return index < 0 || given.contains(id) || quantizes(graph, graph.nodes[static_cast<std::size_t>(index)]);
  }
  Segment cut(ValueId target) const;
};

// The operator by which people know the piece: the one with weights, else the last that is no plumbing.
std::string main_operator(const Graph& graph, const std::vector<int>& nodes) {
  static const std::set<std::string> heavy = {"Conv", "Gemm", "MatMul",        "ConvTranspose",
                                              "LSTM", "GRU",  "MatMulInteger", "ConvInteger"};
  static const std::set<std::string> plumbing = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear",
                                                 "Identity"};
  std::string last;
  for (const int index : nodes) {
    const std::string& op = graph.nodes[static_cast<std::size_t>(index)].op_type;
    if (heavy.count(op) != 0) return op;
    if (plumbing.count(op) == 0) last = op;
  }
  return last.empty() ? "QuantizeLinear" : last;
}

// Everything that `target` depends on, back to the boundary.
Segment Cutter::cut(ValueId target) const {
  Segment segment;
  segment.target = graph.value(target).name;
  std::set<int> nodes;
  std::set<ValueId> boundary;
  std::vector<int> open = {uses.producer(target)};
  const auto need = [&](ValueId id) {
    if (id == kNoValue || graph.initializer(id) != nullptr) return;
    if (is_boundary(id)) {
      boundary.insert(id);
    } else {
      open.push_back(uses.producer(id));
    }
  };
  while (!open.empty()) {
    const int index = open.back();
    open.pop_back();
    if (!nodes.insert(index).second) continue;
    const Node& node = graph.nodes[static_cast<std::size_t>(index)];
    for (const ValueId id : node.inputs) need(id);
    for (const GraphPtr& body : subgraphs(node)) {
      for (const ValueId id : body->captures()) need(graph.find(body->value(id).name));
    }
  }
  segment.nodes.assign(nodes.begin(), nodes.end());
  segment.boundary.assign(boundary.begin(), boundary.end());
  segment.op = main_operator(graph, segment.nodes);
  return segment;
}

}  // namespace

std::vector<Segment> cut_at_quantized(const Graph& graph, const std::set<ValueId>& given) {
  const Cutter cutter{graph, given};
  std::vector<Segment> out;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!quantizes(graph, graph.nodes[i])) continue;
    out.push_back(cutter.cut(graph.nodes[i].outputs[0]));
    out.back().quantize = static_cast<int>(i);
  }
  for (const ValueId id : graph.outputs) {
    if (!cutter.is_boundary(id) && graph.initializer(id) == nullptr) out.push_back(cutter.cut(id));
  }
  return out;
}

Graph piece_of(const Graph& graph, const Segment& segment, const std::map<std::string, Tensor>& values) {
  Graph out;
  out.opsets = graph.opsets;
  out.info.metadata = graph.info.metadata;
  std::map<ValueId, ValueId> ids = {{kNoValue, kNoValue}};
  for (const ValueId id : segment.boundary) {
    const std::string& name = graph.value(id).name;
    const Tensor& value = values.at(name);
    ids[id] = out.add_input(name, value.dtype(), symbolic(value.shape()));
  }
  const auto map = [&](ValueId id) {
    if (const auto known = ids.find(id); known != ids.end()) return known->second;
    const Tensor* constant = graph.initializer(id);
    const Value& value = graph.value(id);
    return ids[id] =
               constant != nullptr ? out.add_initializer(value.name, *constant) : out.add_value(value.name, value.type);
  };
  for (const int index : segment.nodes) {
    Node node = graph.nodes[static_cast<std::size_t>(index)];
    for (const GraphPtr& body : subgraphs(node)) {
      for (const ValueId id : body->captures()) map(graph.find(body->value(id).name));
    }
    std::transform(node.inputs.begin(), node.inputs.end(), node.inputs.begin(), map);
    std::transform(node.outputs.begin(), node.outputs.end(), node.outputs.begin(), map);
    out.nodes.push_back(std::move(node));
  }
  out.outputs.push_back(out.find(segment.target));
  return out;
}

}  // namespace octet::report
