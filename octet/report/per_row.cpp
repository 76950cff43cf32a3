#include "octet/report/per_row.h"

#include <algorithm>
#include <limits>
#include <set>
#include <sstream>
#include <unordered_set>

namespace octet::report {
namespace {

std::unordered_set<std::string> named_layers(const Graph& graph) {
  const std::string* text = graph.info.find_metadata("octet.dynamic_per_row");
  std::unordered_set<std::string> out;
  std::istringstream lines(text != nullptr ? *text : std::string());
  for (std::string line; std::getline(lines, line);) out.insert(line);
  return out;
}

// The node with those that give its weights.
Segment layer_segment(const Graph& graph, const Uses& uses, int index) {
  const Node& node = graph.nodes[static_cast<std::size_t>(index)];
  Segment segment;
  segment.target = graph.value(node.outputs[0]).name;
  segment.op = node.op_type;
  std::vector<ValueId> open(node.inputs.begin() + 1, node.inputs.end());
  std::set<int> nodes = {index};
  while (!open.empty()) {  // what leads to its weights is computed from constants alone
    const int producer = open.back() == kNoValue ? -1 : uses.producer(open.back());
    open.pop_back();
    if (producer < 0 || !nodes.insert(producer).second) continue;
    const std::vector<ValueId>& inputs = graph.nodes[static_cast<std::size_t>(producer)].inputs;
    open.insert(open.end(), inputs.begin(), inputs.end());
  }
  segment.nodes.assign(nodes.begin(), nodes.end());
  segment.boundary = {node.inputs[0]};
  return segment;
}

ValueId reduced(Graph& graph, const char* op, ValueId x, const std::vector<std::int64_t>& axes) {
  Attributes attributes;
  if (graph.opset() < 18) {
    attributes.set("axes", axes);
    return graph.add_node(op, {x}, attributes);
  }
  const Tensor list =
      Tensor::from<std::int64_t>({static_cast<std::int64_t>(axes.size())}, std::span<const std::int64_t>(axes));
  return graph.add_node(op, {x, graph.add_initializer({}, list)});
}

}  // namespace

std::vector<PerRowLayer> per_row_layers(const Graph& graph, int& others) {
  const std::unordered_set<std::string> names = named_layers(graph);
  const Uses uses(graph);
  std::vector<PerRowLayer> out;
  others = 0;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (node.name.empty() || names.count(node.name) == 0) continue;
    const bool image = node.op_type == "Conv";
    if (image || node.op_type == "MatMul" || node.op_type == "Gemm") {
      out.push_back({layer_segment(graph, uses, static_cast<int>(i)), node.inputs[0], image});
    } else {
      ++others;
    }
  }
  return out;
}

Graph fake_quantized(const Graph& piece, const std::string& activation, bool image) {
  Graph out = clone(piece);
  const std::vector<Node> layer = std::move(out.nodes);
  out.nodes.clear();
  const ValueId x = out.find(activation);
  const std::size_t rank = out.value(x).type.shape->size();
  std::vector<std::int64_t> axes = {static_cast<std::int64_t>(rank) - 1};
  if (image) {
    axes.clear();
    for (std::size_t axis = 1; axis < rank; ++axis) axes.push_back(static_cast<std::int64_t>(axis));
  }
  const auto constant = [&](float value) { return out.add_initializer({}, Tensor::scalar(value)); };
  const ValueId zero = constant(0.0f), most = constant(255.0f);
  const ValueId high = out.add_node("Max", {reduced(out, "ReduceMax", x, axes), zero});
  const ValueId low = out.add_node("Min", {reduced(out, "ReduceMin", x, axes), zero});
  const ValueId scale = out.add_node("Div", {out.add_node("Sub", {high, low}), most});
  const ValueId safe_scale =
      out.add_node("Max", {scale, constant(std::numeric_limits<float>::min())});  // a row of zeros
  const ValueId inverse = out.add_node("Div", {constant(1.0f), safe_scale});
  const auto byte = [&](ValueId v) { return out.add_node("Max", {out.add_node("Min", {v, most}), zero}); };
  const auto steps = [&](ValueId v) { return out.add_node("Round", {out.add_node("Mul", {v, inverse})}); };
  const ValueId zero_point = byte(steps(out.add_node("Neg", {low})));
  const ValueId bytes = byte(out.add_node("Add", {steps(x), zero_point}));
  const ValueId quantized = out.add_node("Mul", {out.add_node("Sub", {bytes, zero_point}), scale});
  for (Node node : layer) {
    std::replace(node.inputs.begin(), node.inputs.end(), x, quantized);
    out.nodes.push_back(std::move(node));
  }
  out.info.set_metadata("octet.dynamic_per_row", "");
  return out;
}

}  // namespace octet::report
