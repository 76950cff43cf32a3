// DequantizeLinear followed by QuantizeLinear: nothing where the parameters agree, else a table of 256 bytes.
#include <cmath>

#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/qdq.h"
#include "octet/runtime/passes/table.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {

int cancel_quantize(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    const auto to = edit.is(i, "QuantizeLinear") ? tensor_params(edit, i) : std::nullopt;
    if (!to || to->dtype != DType::u8) continue;
    const auto from = dequantized(edit, edit.node(i).inputs[0]);
    if (!from) continue;
    const ValueId out = edit.node(i).outputs[0];
    if (from->params == *to) {
      edit.replace(out, from->bytes);
      edit.remove(i);
      edit.count();
      continue;
    }
    const ValueId table = add_constant(graph, graph.value(out).name + "_table", requantize_table(from->params, *to));
    edit.produce(out, "Lookup", {from->bytes, table}, {}, {}, kDomain);
  }
  return edit.finish();
}

}  // namespace octet::runtime
