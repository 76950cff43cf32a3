// Signed 8-bit activations become unsigned: a QuantizeLinear to s8 whose result only DequantizeLinear
// reads gives u8 with 128 added to the values and to the zero point. The kernels read u8.
#include <algorithm>

#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/qdq.h"

namespace octet::runtime {
namespace {

bool only_dequantized(const Edit& edit, ValueId bytes, const TensorParams& params) {
  if (edit.uses().is_output(bytes)) return false;
  const std::vector<int>& readers = edit.uses().readers(bytes);
  return std::all_of(readers.begin(), readers.end(), [&](int reader) {
    return edit.is(reader, "DequantizeLinear") && edit.node(reader).inputs[0] == bytes &&
           tensor_params(edit, reader) == params;
  });
}

}  // namespace

int unsigned_activations(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    const auto params = edit.is(i, "QuantizeLinear") ? tensor_params(edit, i) : std::nullopt;
    const ValueId bytes = params ? edit.node(i).outputs[0] : kNoValue;
    if (!params || params->dtype != DType::i8 || !only_dequantized(edit, bytes, *params)) continue;
    const Tensor zero = Tensor::scalar<std::uint8_t>(static_cast<std::uint8_t>(params->zero_point + 128));
    const ValueId id = add_constant(graph, graph.value(bytes).name + "_zero_point_u8", zero);
    const auto set_zero = [&](Node& node) {
      node.inputs.resize(3, kNoValue);
      node.inputs[2] = id;
      node.attributes.erase("output_dtype");
    };
    set_zero(edit.node(i));
    for (const int reader : edit.uses().readers(bytes)) set_zero(edit.node(reader));
    graph.value(bytes).type.dtype = DType::u8;
    edit.count();
  }
  return edit.finish();
}

}  // namespace octet::runtime
