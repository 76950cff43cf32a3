#include "octet/quant/dequantize.h"

#include <algorithm>
#include <set>

#include "octet/base/threads.h"
#include "octet/ops/op.h"

namespace octet {
namespace {

bool is(const Node& node, const char* op) { return node.op_type == op && node.domain.empty(); }

std::vector<bool> none(const Graph& graph) { return std::vector<bool>(graph.nodes.size(), false); }

void refuse_integer_operators(const Graph& graph) {
  static const std::set<std::string> names = {"MatMulInteger", "ConvInteger", "QLinearConv", "QLinearMatMul",
                                              "DynamicQuantizeLinear"};
  for (const Node& node : graph.nodes) {
    if (names.count(node.op_type) != 0 && node.domain.empty()) {
      throw Error(ErrorKind::unsupported, "a network that computes on integers cannot be taken back to float")
          .node(graph.label(node))
          .value(node.op_type)
          .hint("quantize the float network that it was made from");
    }
  }
}

// Quantize then dequantize is what the float network did not do: its reader takes the float value itself.
void drop_pairs(Graph& graph) {
  const Uses uses(graph);
  std::map<ValueId, ValueId> replacements;
  for (const Node& node : graph.nodes) {
    if (!is(node, "DequantizeLinear")) continue;
    const int from = uses.producer(node.inputs[0]);
    if (from < 0 || !is(graph.nodes[static_cast<std::size_t>(from)], "QuantizeLinear")) continue;
    replacements[node.outputs[0]] = graph.nodes[static_cast<std::size_t>(from)].inputs[0];
  }
  replace_uses(graph, replacements);
  remove_dead(graph);
}

}  // namespace

int fold_dequantized_constants(Graph& graph, const std::function<bool(DType)>& which) {
  ThreadPool threads(1);
  std::vector<bool> dead = none(graph);
  int folded = 0;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (!is(node, "DequantizeLinear")) continue;
    std::vector<Tensor> inputs;
    for (const ValueId id : node.inputs) {
      const Tensor* constant = id == kNoValue ? nullptr : graph.initializer(id);
      inputs.push_back(constant != nullptr ? *constant : Tensor());
    }
    if (!inputs[0].defined() || !inputs[1].defined() || !which(inputs[0].dtype())) continue;
    const OpDef& op = ops::require(graph, node);
    graph.set_initializer(node.outputs[0], ops::evaluate(op, node, graph.opset(), inputs, threads).at(0));
    dead[i] = true;
    ++folded;
  }
  erase_nodes(graph, dead);
  remove_dead(graph);
  return folded;
}

void dequantize(Graph& graph) {
  refuse_integer_operators(graph);
  fold_dequantized_constants(graph, [](DType) { return true; });
  drop_pairs(graph);
  auto& metadata = graph.info.metadata;
  const std::set<std::string> ours = {"octet.numerics", "octet.method", "octet.quantization", "octet.dynamic_per_row"};
  metadata.erase(
      std::remove_if(metadata.begin(), metadata.end(), [&](const auto& entry) { return ours.count(entry.first) != 0; }),
      metadata.end());
}

}  // namespace octet
