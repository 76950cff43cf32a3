// Attention whose queries, keys and values all come from eight bits multiplies in 8-bit integers with a scale for each
// row, as the products that they come from do. Of float operands it stays float.
#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/qdq.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {
namespace {

// Computed from eight-bit operands, or a dequantized tensor; moved about since, maybe.
bool from_eight_bits(const Edit& edit, ValueId id) {
  const int producer = edit.uses().producer(id);
  if (producer < 0) return false;
  const Node& node = edit.node(producer);
  for (const char* move : {"Reshape", "Transpose", "Squeeze", "Unsqueeze", "Slice", "Split", "Gather"}) {
    if (edit.is(producer, move)) return from_eight_bits(edit, node.inputs[0]);
  }
  const RuntimeOp* op = find_runtime_op(node);
  return op != nullptr && (op->int8 || edit.is(producer, "Dequantize", kDomain));
}

}  // namespace

int attention_in_s8(Graph& graph) {
  Edit edit(graph);
  int count = 0;
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!edit.is(i, "Attention", kDomain) || edit.node(i).attributes.has("products")) continue;
    const std::vector<ValueId>& inputs = edit.node(i).inputs;
    if (!from_eight_bits(edit, inputs[0]) || !from_eight_bits(edit, inputs[1]) || !from_eight_bits(edit, inputs[2])) {
      continue;
    }
    edit.node(i).attributes.set("products", std::string("s8"));
    ++count;
  }
  return count;
}

}  // namespace octet::runtime
