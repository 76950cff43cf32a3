// What earlier passes left constant: dequantized weights of operators that stay float, quantized constants.
#include <algorithm>

#include "octet/ops/op.h"
#include "octet/runtime/passes/passes.h"

namespace octet::runtime {

int fold_constants(Graph& graph) {
  ThreadPool one(1);
  std::vector<bool> folded(graph.nodes.size(), false);
  int count = 0;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    if (node.op_type != "DequantizeLinear" && node.op_type != "QuantizeLinear") continue;
    const auto constant = [&](ValueId id) { return id == kNoValue || graph.initializer(id) != nullptr; };
    if (!std::all_of(node.inputs.begin(), node.inputs.end(), constant)) continue;
    std::vector<Tensor> inputs;
    for (const ValueId id : node.inputs) inputs.push_back(id == kNoValue ? Tensor() : *graph.initializer(id));
    const auto outputs = ops::evaluate(ops::require(graph, node), node, graph.opset(node.domain), inputs, one);
    graph.set_initializer(node.outputs[0], outputs[0]);
    folded[i] = true;
    ++count;
  }
  erase_nodes(graph, folded);
  return count;
}

}  // namespace octet::runtime
