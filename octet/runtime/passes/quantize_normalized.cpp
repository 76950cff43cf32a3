// LayerNormalization and the Quantize or QuantizeRows that reads it become one LayerNormQuantize; who else reads the
// floats still does.
#include "octet/runtime/passes/normalized_rows.h"
#include "octet/runtime/passes/passes.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {
namespace {

bool is_row(const Edit& edit, ValueId id, std::int64_t columns) {
  const Tensor* constant = edit.constant(id);
  return constant != nullptr && constant->dtype() == DType::f32 && constant->rank() == 1 && constant->dim(0) == columns;
}

// The first reader of y that makes bytes of it and nothing else; -1: none.
int quantizer_of(const Edit& edit, ValueId y) {
  for (const int reader : edit.uses().readers(y)) {
    const Node& node = edit.node(reader);
    if (edit.is(reader, "Quantize", kDomain)) return reader;
    if (edit.is(reader, "QuantizeRows", kDomain) && !node.attributes.has("function")) return reader;
  }
  return -1;
}

}  // namespace

bool normalizes_rows(const Edit& edit, int i) {
  if (!edit.is(i, "LayerNormalization") && !edit.is(i, "LayerNormalization", "octet")) return false;
  const Node& node = edit.node(i);
  const auto shape = edit.shape(node.inputs[0]);
  if (!shape || shape->rank() == 0 || edit.graph().value(node.inputs[0]).type.dtype != DType::f32) return false;
  const std::int64_t axis = node.attributes.integer("axis", -1);
  if ((axis != -1 && axis != shape->rank() - 1) || node.attributes.integer("stash_type", 1) != 1) return false;
  for (std::size_t k = 1; k < node.outputs.size(); ++k) {
    if (node.outputs[k] != kNoValue) return false;
  }
  const bool biased = node.inputs.size() > 2 && node.inputs[2] != kNoValue;
  return is_row(edit, node.inputs[1], shape->back()) && (!biased || is_row(edit, node.inputs[2], shape->back()));
}

int quantize_normalized(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!normalizes_rows(edit, i)) continue;
    const Node& norm = edit.node(i);
    const int reader = quantizer_of(edit, norm.outputs[0]);
    if (reader < 0) continue;
    Node& node = edit.node(reader);
    node.op_type = "LayerNormQuantize";
    node.name = norm.name;
    node.inputs = norm.inputs;
    node.outputs.insert(node.outputs.begin(), norm.outputs[0]);
    node.attributes.set("epsilon", norm.attributes.real("epsilon", 1e-5f));
    edit.remove(i);
    edit.count();
  }
  return edit.finish();
}

}  // namespace octet::runtime
