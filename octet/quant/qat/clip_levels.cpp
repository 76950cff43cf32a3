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

void split_float_biases(Graph& graph) {
  const Uses uses(graph);
  const std::size_t count = graph.nodes.size();
  for (std::size_t i = 0; i < count; ++i) {
    const Node& node = graph.nodes[i];
    const bool convolution = node.op_type == "Conv" || node.op_type == "ConvTranspose";
    if ((!convolution && node.op_type != "Gemm") || node.inputs.size() < 3 || node.inputs[2] == kNoValue) continue;
    const int weight = uses.producer(node.inputs[1]);
    const Tensor* bias = graph.initializer(node.inputs[2]);
    if (weight < 0 || graph.nodes[at(weight)].op_type != "DequantizeLinear" || bias == nullptr) continue;
    if (bias->dtype() != DType::f32 || node.attributes.real("beta", 1) != 1 || (convolution && bias->rank() != 1))
      continue;
    ValueId added = node.inputs[2];
    if (convolution) {
      Shape shape = bias->shape();
      for (int d = graph.initializer(graph.nodes[at(weight)].inputs[0])->rank(); d > 2; --d) shape.push_back(1);
      added = graph.add_initializer(graph.fresh_name(graph.value(added).name + "_shaped"), bias->reshaped(shape));
    }
    const ValueId out = node.outputs[0];
    const std::string name = graph.label(node);
    const ValueId sum = graph.add_value(graph.fresh_name(graph.value(out).name + "_unbiased"), graph.value(out).type);
    graph.nodes[i].inputs.resize(2);
    graph.nodes[i].outputs[0] = sum;
    graph.add_node("Add", {sum, added}, {}, graph.fresh_name(name + "_bias"));
    graph.nodes.back().outputs[0] = out;
  }
  sort_topologically(graph);
}

}  // namespace octet::quant
