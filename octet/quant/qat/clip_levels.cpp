#include "octet/quant/qat/clip_levels.h"

#include <algorithm>
#include <limits>
#include <set>

namespace octet::quant {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

struct Bounds {
  float low = -std::numeric_limits<float>::infinity(), high = std::numeric_limits<float>::infinity();
};

// What a Relu or a Clip with constant bounds keeps; false for another node.
bool bounds_of(const Graph& graph, const Node& node, Bounds& out) {
  if (node.domain.empty() && node.op_type == "Relu") {
    out.low = 0;
    return true;
  }
  if (!node.domain.empty() || node.op_type != "Clip" || graph.opset() < 11) return false;
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.inputs[i] == kNoValue) continue;
    const Tensor* bound = graph.initializer(node.inputs[i]);
    if (bound == nullptr || bound->dtype() != DType::f32 || bound->elements() != 1) return false;
    (i == 1 ? out.low : out.high) = bound->data<float>()[0];
  }
  return true;
}

}  // namespace

void clip_levels(Graph& graph, const std::vector<ValueId>& values, std::int32_t qmin, std::int32_t qmax) {
  const std::set<ValueId> wanted(values.begin(), values.end());
  const Uses uses(graph);
  const std::size_t count = graph.nodes.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (graph.nodes[i].op_type != "QuantizeLinear" || !wanted.contains(graph.nodes[i].inputs[0])) continue;
    const ValueId x = graph.nodes[i].inputs[0];
    const float scale = graph.initializer(graph.nodes[i].inputs[1])->data<float>()[0];
    const auto zero_point = static_cast<std::int32_t>(graph.initializer(graph.nodes[i].inputs[2])->to_double()[0]);
    Bounds bounds;
    const int producer = uses.producer(x);
    const bool replaces = producer >= 0 && uses.single(x) && bounds_of(graph, graph.nodes[at(producer)], bounds);
    bounds.low = std::max(bounds.low, static_cast<float>(qmin - zero_point) * scale);
    bounds.high = std::min(bounds.high, static_cast<float>(qmax - zero_point) * scale);
    const std::string name = graph.value(x).name;
    const ValueId low = graph.add_initializer(graph.fresh_name(name + "_lowest"), Tensor::scalar(bounds.low));
    const ValueId high = graph.add_initializer(graph.fresh_name(name + "_highest"), Tensor::scalar(bounds.high));
    if (replaces) {
      Node& node = graph.nodes[at(producer)];
      node.op_type = "Clip";
      node.attributes = {};
      node.inputs = {node.inputs[0], low, high};
      continue;
    }
    const ValueId clipped = graph.add_node("Clip", {x, low, high}, {}, graph.fresh_name(name + "_clipped"));
    graph.value(clipped).type = graph.value(x).type;
    graph.nodes[i].inputs[0] = clipped;
  }
  sort_topologically(graph);
}

}  // namespace octet::quant
