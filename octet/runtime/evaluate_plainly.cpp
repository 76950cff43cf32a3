// The referee: a graph evaluated node by node, each operator by its reference.
#include <unordered_map>

#include "octet/runtime/runtime_op.h"

namespace octet::runtime {

std::vector<Tensor> evaluate_plainly(const Graph& graph, const std::vector<const Tensor*>& inputs, ThreadPool& threads,
                                     const std::function<void(const std::string&, const Tensor&)>& observe) {
  std::unordered_map<ValueId, Tensor> held;
  for (const auto& [id, tensor] : graph.initializers()) held[id] = tensor;
  for (std::size_t i = 0; i < inputs.size(); ++i) held[graph.inputs[i]] = *inputs[i];
  const auto by_name = [&](const std::string& name) -> Tensor {
    const auto it = held.find(graph.find(name));
    return it == held.end() ? Tensor() : it->second;
  };
  for (const Node& node : graph.nodes) {
    std::vector<Tensor> in, out(node.outputs.size());
    for (const ValueId id : node.inputs) in.push_back(id == kNoValue ? Tensor() : held.at(id));
    EvalContext ctx(node, graph.opset(node.domain), in, out, threads);
    ctx.run_subgraph = [&](const Graph& body, const std::vector<Tensor>& body_inputs) {
      return ops::evaluate_graph(body, body_inputs, threads, by_name);
    };
    try {
      const OpDef& op = require_op(graph, node);
      ops::check_four_bits(op, in);
      op.eval(ctx);
      ops::check_four_bits(op, out);
    } catch (Error& e) {
      if (e.info().node.empty()) e.node(graph.label(node));
      throw;
    }
    for (std::size_t k = 0; k < out.size(); ++k) {
      if (node.outputs[k] == kNoValue) continue;
      held[node.outputs[k]] = out[k];
      if (observe) observe(graph.value(node.outputs[k]).name, out[k]);
    }
  }
  std::vector<Tensor> results;
  for (const ValueId id : graph.outputs) results.push_back(held.at(id));
  return results;
}

}  // namespace octet::runtime
