// Gather of rows of an int8 table becomes Embedding: made float whole, the table would take four times the memory.
#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/qdq.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {

int fuse_embedding(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!edit.is(i, "Gather")) continue;
    const Node& node = edit.node(i);
    const auto table = quantized_weights(edit, node.inputs[0], 0);
    const DType index = edit.graph().value(node.inputs[1]).type.dtype;
    if (!table || edit.constant(node.inputs[1]) != nullptr || (index != DType::i32 && index != DType::i64)) continue;
    const std::int64_t axis = node.attributes.integer("axis", 0), rank = edit.constant(table->bytes)->rank();
    if (axis != 0 && axis != -rank) continue;
    edit.produce(node.outputs[0], "Embedding", {table->bytes, table->scale, node.inputs[1]}, {}, node.name, kDomain);
  }
  return edit.finish();
}

}  // namespace octet::runtime
