// The operators of the domain "octet" spelled out in standard ones, opset 7 and later:
//   Silu       x * sigmoid(x)
//   HardSwish  x * clip(x + 3, 0, 6) / 6
//   Gelu       x * 0.5 * (1 + erf(x / sqrt(2)))
//   LayerNormalization  (x - mean) / sqrt(mean((x - mean)^2) + epsilon) * scale [+ bias]
#include <cmath>
#include <map>

#include "octet/ops/op.h"
#include "octet/rewrite/rewrite.h"

namespace octet::rewrite {
namespace {

class Expander {
 public:
  explicit Expander(Graph& graph) : graph_(graph) {}

  ValueId node(const char* op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    return graph_.add_node(op, std::move(inputs), std::move(attributes));
  }
  ValueId number(const std::string& name, float value) {
    return graph_.add_initializer(graph_.fresh_name(name), Tensor::scalar(value));
  }

  ValueId silu(ValueId x) { return node("Mul", {x, node("Sigmoid", {x})}); }

  ValueId hard_swish(ValueId x) {
    const ValueId shifted = node("Add", {x, number("three", 3)});
    const ValueId six = number("six", 6);
    ValueId clipped = kNoValue;
    if (graph_.opset() >= 11) {
      clipped = node("Clip", {shifted, number("zero", 0), six});
    } else {
      Attributes limits;
      limits.set("min", 0.0f);
      limits.set("max", 6.0f);
      clipped = node("Clip", {shifted}, limits);
    }
    return node("Div", {node("Mul", {x, clipped}), six});
  }

  ValueId gelu(ValueId x) {
    const ValueId erf = node("Erf", {node("Div", {x, number("sqrt_two", std::sqrt(2.0f))})});
    return node("Mul", {node("Mul", {x, node("Add", {erf, number("one", 1)})}), number("half", 0.5f)});
  }

  ValueId layer_norm(const Node& norm) {
    const ValueId x = norm.inputs[0], centred = node("Sub", {x, mean(norm, x)});
    const ValueId variance = mean(norm, node("Mul", {centred, centred}));
    const ValueId epsilon = number("epsilon", norm.attributes.real("epsilon", 1e-5f));
    const ValueId root = node("Sqrt", {node("Add", {variance, epsilon})});
    const ValueId scaled = node("Mul", {node("Div", {centred, root}), norm.inputs[1]});
    const bool biased = norm.inputs.size() > 2 && norm.inputs[2] != kNoValue;
    return biased ? node("Add", {scaled, norm.inputs[2]}) : scaled;
  }

 private:
  // Mean over [axis, rank): negative axes need no rank.
  ValueId mean(const Node& norm, ValueId x) {
    std::vector<std::int64_t> axes;
    std::int64_t axis = norm.attributes.integer("axis", -1);
    const auto& shape = graph_.value(norm.inputs[0]).type.shape;
    if (axis >= 0 && shape) axis -= static_cast<std::int64_t>(shape->size());
    if (axis >= 0) {
      throw Error(ErrorKind::unsupported, "LayerNormalization over a tensor of unknown rank cannot be spelled out")
          .node(norm.name);
    }
    for (; axis < 0; ++axis) axes.push_back(axis);
    Attributes attributes;
    std::vector<ValueId> inputs = {x};
    if (graph_.opset() >= 18) {
      const std::span<const std::int64_t> values(axes);
      inputs.push_back(graph_.add_initializer(
          graph_.fresh_name("axes"), Tensor::from<std::int64_t>({static_cast<std::int64_t>(axes.size())}, values)));
    } else {
      attributes.set("axes", axes);
    }
    return node("ReduceMean", inputs, attributes);
  }

  Graph& graph_;
};

}  // namespace

int expand(Graph& graph) {
  const std::size_t count = graph.nodes.size();
  std::vector<bool> dead(count, false);
  int made = 0;
  Expander expander(graph);
  for (std::size_t i = 0; i < count; ++i) {
    if (graph.nodes[i].domain != "octet") continue;
    const Node node = graph.nodes[i];  // adding nodes moves the list
    const std::string& op = node.op_type;
    ValueId out = kNoValue;
    if (op == "Silu") out = expander.silu(node.inputs[0]);
    if (op == "HardSwish") out = expander.hard_swish(node.inputs[0]);
    if (op == "Gelu") out = expander.gelu(node.inputs[0]);
    if (op == "LayerNormalization") out = expander.layer_norm(node);
    if (out == kNoValue) continue;
    // The last node takes over the value's name: it produces the very value.
    graph.nodes.back().outputs[0] = node.outputs[0];
    graph.nodes.back().name = node.name;
    dead[i] = true;
    ++made;
  }
  if (made == 0) return 0;
  erase_nodes(graph, dead);
  sort_topologically(graph);
  graph.opsets.erase("octet");
  ops::infer_shapes(graph);
  return made;
}

}  // namespace octet::rewrite
