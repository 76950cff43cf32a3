// What is left of QuantizeLinear and DequantizeLinear of whole u8 tensors -> Quantize, Dequantize.
#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/qdq.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {

int lower_convert(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    const auto params = tensor_params(edit, i);
    if (!params || params->dtype != DType::u8) continue;
    const bool quantizes = edit.is(i, "QuantizeLinear");
    Node& node = edit.node(i);
    node.op_type = quantizes ? "Quantize" : "Dequantize";
    node.domain = kDomain;
    node.inputs.resize(1);
    node.attributes = {};
    node.attributes.set(quantizes ? "y_scale" : "x_scale", params->scale);
    node.attributes.set(quantizes ? "y_zero" : "x_zero", params->zero_point);
    edit.count();
  }
  return edit.finish();
}

}  // namespace octet::runtime
