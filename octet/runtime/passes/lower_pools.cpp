// Pools of f32 and u8 images become the runtime's; DequantizeLinear -> average -> QuantizeLinear becomes one on bytes.
#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/qdq.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {
namespace {

void replace(Edit& edit, int i, const char* op, ValueId x, ValueId y, const Attributes& extra) {
  const Node& node = edit.node(i);
  Attributes attributes = node.attributes;
  for (const auto& [name, value] : extra) attributes.set(name, value);
  attributes.set("channels_last", std::int64_t{0});
  attributes.erase("storage_order");
  edit.remove(i);
  edit.produce(y, op, {x}, std::move(attributes), node.name, kDomain);
}

bool lower_quantized_average(Edit& edit, int i, Attributes extra) {
  const Node& node = edit.node(i);
  const auto x = dequantized(edit, node.inputs[0]);
  const auto y = x ? quantizer(edit, node.outputs[0]) : std::nullopt;
  if (!y) return false;
  extra.set("x_scale", x->params.scale);
  extra.set("x_zero", x->params.zero_point);
  extra.set("y_scale", y->params.scale);
  extra.set("y_zero", y->params.zero_point);
  replace(edit, i, "AveragePool", x->bytes, edit.node(y->node).outputs[0], extra);
  return true;
}

}  // namespace

int lower_pools(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    const bool global = edit.is(i, "GlobalAveragePool"), average = global || edit.is(i, "AveragePool");
    const Node& node = edit.node(i);
    if ((!average && !edit.is(i, "MaxPool")) || node.outputs.size() != 1) continue;
    const DType dtype = graph.value(node.inputs[0]).type.dtype;
    const int rank = edit.rank(node.inputs[0]);
    if (!edit.shape(node.inputs[0]) || (rank != 3 && rank != 4)) continue;
    Attributes extra;
    if (global) extra.set("global", std::int64_t{1});
    if (average && lower_quantized_average(edit, i, extra)) continue;
    if (dtype != DType::f32 && (dtype != DType::u8 || average)) continue;
    replace(edit, i, average ? "AveragePool" : "MaxPool", node.inputs[0], node.outputs[0], extra);
  }
  return edit.finish();
}

}  // namespace octet::runtime
