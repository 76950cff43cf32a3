#include "octet/runtime/step_info.h"

#include <set>

namespace octet::runtime {
namespace {

std::optional<Shape> shape_of(const Graph& graph, const Node& node, std::size_t input) {
  if (input >= node.inputs.size() || node.inputs[input] == kNoValue) return std::nullopt;
  const TypeInfo& type = graph.value(node.inputs[input]).type;
  return type.shape ? static_shape(*type.shape) : std::nullopt;
}

std::int64_t bytes_of(const Graph& graph, ValueId id) {
  if (id == kNoValue || !graph.value(id).type.shape) return 0;
  const auto shape = static_shape(*graph.value(id).type.shape);
  return shape ? shape->elements() * static_cast<std::int64_t>(size_of(graph.value(id).type.dtype)) : 0;
}

// Of queries [..., M, D], keys [..., D, S] and outputs [..., M, E].
std::int64_t attention_macs(const Node& node, const Shape& q, const Shape& k, const Shape& y) {
  const std::vector<std::int64_t> perm = node.attributes.integers("q_perm");
  const int rank = q.rank();
  const std::int64_t rows = q[perm.empty() ? rank - 2 : static_cast<int>(perm[perm.size() - 2])];
  if (q.elements() == 0) return 0;
  const std::int64_t keys = k.elements() * rows / q.elements();
  return q.elements() / q.back() * keys * (q.back() + y.back());
}

}  // namespace

std::int64_t count_macs(const Graph& graph, const Node& node) {
  static const std::set<std::string> conv = {"Conv", "ConvInteger", "QConv", "DynamicConv"};
  static const std::set<std::string> gemm = {"Gemm",    "MatMul",        "MatMulInteger", "Linear",
                                             "QLinear", "DynamicLinear", "QMatMul",       "WeightOnlyLinear"};
  static const std::set<std::string> recurrent = {"LSTM", "GRU", "RNN", "DynamicLSTM", "DynamicGRU"};
  const auto x = shape_of(graph, node, 0), w = shape_of(graph, node, 1);
  if (!x || !w || node.outputs.empty() || node.outputs[0] == kNoValue) return 0;
  const TypeInfo& type = graph.value(node.outputs[0]).type;
  const auto y = type.shape ? static_shape(*type.shape) : std::nullopt;
  if (conv.contains(node.op_type) && y && w->rank() >= 3 && (*w)[0] > 0) {
    // Of a convolution that writes some channels of its output, those.
    const std::int64_t channels = node.attributes.integer("y_channels", 0);
    const std::int64_t written = channels == 0 ? y->elements() : y->elements() / channels * (*w)[0];
    return written * (w->elements() / (*w)[0]);
  }
  if (node.op_type == "ConvTranspose" && w->rank() >= 3 && (*w)[0] > 0)
    return x->elements() * (w->elements() / (*w)[0]);
  if (gemm.contains(node.op_type) && y && x->rank() > 0) {
    const bool transposed = node.op_type == "Gemm" && node.attributes.integer("transA", 0) != 0;
    return y->elements() * (transposed ? (*x)[0] : x->back());
  }
  if (node.op_type == "Attention" && y && x->rank() > 1) {
    return attention_macs(node, *x, *w, *y);
  }
  if (recurrent.contains(node.op_type) && x->rank() == 3) {
    const auto r = shape_of(graph, node, 2);
    return (*x)[0] * (*x)[1] * (w->elements() + (r ? r->elements() : 0));
  }
  return 0;
}

std::int64_t count_bytes(const Graph& graph, const Node& node) {
  std::int64_t bytes = 0;
  for (const ValueId id : node.inputs) bytes += bytes_of(graph, id);
  for (const ValueId id : node.outputs) bytes += bytes_of(graph, id);
  return bytes;
}

}  // namespace octet::runtime
