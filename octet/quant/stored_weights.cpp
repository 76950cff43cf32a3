#include "octet/quant/stored_weights.h"

#include <algorithm>
#include <set>

namespace octet::quant {
namespace {

using Kind = QuantRule::Kind;

const Tensor* constant(const Graph& graph, const Node& node, std::size_t slot) {
  if (slot >= node.inputs.size() || node.inputs[slot] == kNoValue) return nullptr;
  return graph.initializer(node.inputs[slot]);
}

std::vector<StoredWeight> gate_matrices(const Graph& graph, const Node& node, std::string& reason) {
  const Tensor *input = constant(graph, node, 1), *recurrence = constant(graph, node, 2);
  if (input == nullptr || recurrence == nullptr || input->dtype() != DType::f32 || recurrence->dtype() != DType::f32 ||
      input->rank() != 3 || recurrence->rank() != 3) {
    reason = "its weights are not float32 constants";
    return {};
  }
  return {{1, 1}, {2, 1}};
}

bool is_table(const Graph& graph, const Node& node) {
  const Tensor* data = node.op_type == "Gather" && node.domain.empty() ? constant(graph, node, 0) : nullptr;
  constexpr std::int64_t kWorthIt = 4096;  // a small table saves nothing
  return data != nullptr && data->dtype() == DType::f32 && data->rank() == 2 && data->elements() >= kWorthIt &&
         node.attributes.integer("axis", 0) == 0 && constant(graph, node, 1) == nullptr;
}

}  // namespace

bool is_recurrent(const Node& node) {
  return node.domain.empty() && (node.op_type == "LSTM" || node.op_type == "GRU" || node.op_type == "RNN");
}

std::vector<StoredWeight> stored_weights(const Graph& graph, const Node& node, std::string& reason) {
  if (is_recurrent(node)) return gate_matrices(graph, node, reason);
  if (is_table(graph, node)) return {{0, 0}};
  const OpDef* op = find_op(graph, node);
  if (op != nullptr && op->quant.kind != Kind::weighted && op->quant.kind != Kind::none) {
    reason = "it has no weight";
    return {};
  }
  reason = layer_obstacle(graph, node);
  if (!reason.empty()) return {};
  return {{find_op(graph, node)->quant.weight, weight_channel_axis(graph, node)}};
}

}  // namespace octet::quant
