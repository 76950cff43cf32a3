// A table of bytes after a product that gives bytes is looked up as the product stores them.
#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/qdq.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {

int fuse_table(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!edit.is(i, "Lookup", kDomain)) continue;
    const ValueId bytes = edit.node(i).inputs[0], out = edit.node(i).outputs[0];
    const int producer = edit.uses().producer(bytes);
    if (producer < 0 || !edit.uses().single(bytes)) continue;
    Node& product = edit.node(producer);
    const bool stores_bytes = edit.is(producer, "QConv", kDomain) || edit.is(producer, "QLinear", kDomain) ||
                              edit.is(producer, "QMatMul", kDomain);
    if (!stores_bytes || !product.attributes.has("y_scale") || product.attributes.has("table")) continue;
    product.attributes.set("table", *edit.constant(edit.node(i).inputs[1]));
    product.outputs[0] = out;
    edit.remove(i);
    edit.count();
  }
  return edit.finish();
}

}  // namespace octet::runtime
