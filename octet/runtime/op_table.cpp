// The runtime's operators, one line a file of octet/runtime/ops.
#include <map>

#include "octet/runtime/runtime_op.h"

namespace octet::runtime {

std::vector<RuntimeOp> attention_op();
std::vector<RuntimeOp> batch_norm_ops();
std::vector<RuntimeOp> channel_sum_op();
std::vector<RuntimeOp> conv_gradient_ops();
std::vector<RuntimeOp> conv_ops();
std::vector<RuntimeOp> convert_ops();
std::vector<RuntimeOp> dynamic_linear_op();
std::vector<RuntimeOp> embedding_op();
std::vector<RuntimeOp> embedding_sum_op();
std::vector<RuntimeOp> gru_ops();
std::vector<RuntimeOp> layer_norm_quantize_op();
std::vector<RuntimeOp> linear_op();
std::vector<RuntimeOp> lstm_ops();
std::vector<RuntimeOp> masked_softmax_op();
std::vector<RuntimeOp> matmul_ops();
std::vector<RuntimeOp> pool_gradient_ops();
std::vector<RuntimeOp> pool_ops();
std::vector<RuntimeOp> qbinary_ops();
std::vector<RuntimeOp> qlinear_op();
std::vector<RuntimeOp> quantize_rows_op();
std::vector<RuntimeOp> weight_only_linear_op();

namespace {

constexpr std::vector<RuntimeOp> (*kFiles[])() = {
    attention_op,
    batch_norm_ops,
    channel_sum_op,
    conv_gradient_ops,
    conv_ops,
    convert_ops,
    dynamic_linear_op,
    embedding_op,
    embedding_sum_op,
    gru_ops,
    layer_norm_quantize_op,
    linear_op,
    lstm_ops,
    masked_softmax_op,
    matmul_ops,
    pool_ops,
    pool_gradient_ops,
    qbinary_ops,
    qlinear_op,
    quantize_rows_op,
    weight_only_linear_op,
};

}  // namespace

const std::vector<RuntimeOp>& runtime_ops() {
  static const std::vector<RuntimeOp> rows = [] {
    std::vector<RuntimeOp> out;
    for (const auto make : kFiles) {
      for (RuntimeOp& row : make()) out.push_back(std::move(row));
    }
    return out;
  }();
  return rows;
}

const RuntimeOp* find_runtime_op(const Node& node) {
  static const std::map<std::string, const RuntimeOp*> by_name = [] {
    std::map<std::string, const RuntimeOp*> out;
    for (const RuntimeOp& row : runtime_ops()) out[row.def.name] = &row;
    return out;
  }();
  if (node.domain != kDomain) return nullptr;
  const auto it = by_name.find(node.op_type);
  return it == by_name.end() ? nullptr : it->second;
}

const OpDef& require_op(const Graph& graph, const Node& node) {
  const RuntimeOp* op = find_runtime_op(node);
  return op != nullptr ? op->def : ops::require(graph, node);
}

}  // namespace octet::runtime
