#include "octet/quant/layers.h"

#include <algorithm>
#include <set>

namespace octet::quant {
namespace {

using Kind = QuantRule::Kind;

ValueId slot(const Node& node, int index) {
  return index >= 0 && index < static_cast<int>(node.inputs.size()) ? node.inputs[static_cast<std::size_t>(index)]
                                                                    : kNoValue;
}

// Why a weighted node cannot be a layer, or empty.
std::string obstacle(const Graph& graph, const Node& node, const QuantRule& rule) {
  const ValueId input = slot(node, rule.activation), weight = slot(node, rule.weight);
  const Tensor* w = weight == kNoValue ? nullptr : graph.initializer(weight);
  if (w == nullptr) {
    const bool left = input != kNoValue && graph.initializer(input) != nullptr;
    return left ? "its constant is the left operand: only the right one is stored in int8"
                : "both operands are activations: no weight to store in int8";
  }
  if (w->dtype() != DType::f32) return std::string("its weight is ") + octet::to_string(w->dtype()) + ", not float32";
  if (node.op_type == "MatMul" && w->rank() != 2) return "its weight is not a matrix";
  if (w->elements() == 0) return "its weight is empty";
  if (input == kNoValue || graph.initializer(input) != nullptr) return "it has no activation input";
  return {};
}

std::string reason_without_weight(const Graph& graph, const Node& node, const OpDef* op) {
  for (const ValueId id : node.outputs) {
    if (id == kNoValue) continue;
    const DType type = graph.value(id).type.dtype;
    if (type != DType::undefined && !is_float(type)) return "computes no floats";
  }
  if (!subgraphs(node).empty()) return "control flow: its branches stay float";
  if (op == nullptr || op->quant.kind == Kind::none) return "no int8 form of this operator";
  return "its neighbours are float";
}

void leave_out_ends(const Exclusions& exclude, Candidates& found) {
  const auto leave_out = [&](const Layer& layer, const char* why) {
    found.reasons[static_cast<std::size_t>(layer.node)] = why;
  };
  if (found.layers.empty()) return;
  if (exclude.first) leave_out(found.layers.front(), "left out: first layer");
  if (exclude.last) leave_out(found.layers.back(), "left out: last layer");
  std::erase_if(found.layers, [&](const Layer& l) { return !found.reasons[static_cast<std::size_t>(l.node)].empty(); });
}

}  // namespace

bool matches(const std::string& pattern, const std::string& text) {
  std::size_t p = 0, t = 0, star = std::string::npos, resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

std::string ExclusionMatcher::reason(const Graph& graph, const Node& node) {
  const std::string label = graph.label(node);
  for (const std::string& type : exclude_.operators) {
    if (type != node.op_type) continue;
    used_.insert(type);
    return "left out: operator " + type;
  }
  for (const std::string& pattern : exclude_.nodes) {
    if (!matches(pattern, label)) continue;
    used_.insert(pattern);
    return pattern == label ? "left out by name" : "left out: matches " + pattern;
  }
  return {};
}

void ExclusionMatcher::warn_unused(std::vector<std::string>& warnings) const {
  for (const auto* list : {&exclude_.nodes, &exclude_.operators}) {
    for (const std::string& name : *list) {
      if (!used_.contains(name)) warnings.push_back("nothing to leave out matches '" + printable(name) + "'");
    }
  }
}

std::string layer_obstacle(const Graph& graph, const Node& node) {
  const OpDef* op = find_op(graph, node);
  if (op == nullptr || op->quant.kind != Kind::weighted) return reason_without_weight(graph, node, op);
  return obstacle(graph, node, op->quant);
}

// Gemm may take its weight transposed, and MatMul's columns are last.
int weight_channel_axis(const Graph& graph, const Node& node) {
  const QuantRule& rule = find_op(graph, node)->quant;
  const int rank = graph.initializer(slot(node, rule.weight))->rank();
  if (node.op_type == "Gemm" && node.attributes.integer("transB", 0) != 0) return 0;
  if (node.op_type == "MatMul") return rank - 1;
  return rule.weight_channel_axis < 0 ? rule.weight_channel_axis + rank : rule.weight_channel_axis;
}

const OpDef* find_op(const Graph& graph, const Node& node) {
  return ops::find(node.op_type, node.domain, graph.opset(node.domain));
}

Candidates find_layers(const Graph& graph, const Exclusions& exclude, std::vector<std::string>& warnings) {
  Candidates found;
  ExclusionMatcher matcher(exclude);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    std::string reason = matcher.reason(graph, node);
    if (reason.empty()) reason = layer_obstacle(graph, node);
    if (reason.empty()) {
      const QuantRule& rule = find_op(graph, node)->quant;
      Layer layer{static_cast<int>(i), slot(node, rule.activation), slot(node, rule.weight), slot(node, rule.bias)};
      layer.channel_axis = weight_channel_axis(graph, node);
      layer.channels = graph.initializer(layer.weight)->dim(layer.channel_axis);
      found.layers.push_back(layer);
    }
    found.reasons.push_back(std::move(reason));
  }
  leave_out_ends(exclude, found);
  matcher.warn_unused(warnings);
  return found;
}

}  // namespace octet::quant
