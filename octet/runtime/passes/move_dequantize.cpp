// Movement of quantized data happens on bytes. DequantizeLinear sinks below operators that only move
// elements, QuantizeLinear rises above them: both leave the numbers as they are. A Pad with zeros is one: they are the
// zero point.
#include <algorithm>
#include <array>
#include <string_view>

#include "octet/ops/pad.h"
#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/qdq.h"

namespace octet::runtime {
namespace {

// Operators whose every output element is an element of input 0. MaxPool belongs here: quantization
// keeps the order of numbers.
bool moves_elements(const Edit& edit, int index) {
  static constexpr std::array<std::string_view, 13> kNames = {
      "DepthToSpace", "Expand",       "Flatten", "Gather", "Identity",  "MaxPool",  "Reshape",
      "Slice",        "SpaceToDepth", "Squeeze", "Tile",   "Transpose", "Unsqueeze"};
  const Node& node = edit.node(index);
  return edit.is(index, node.op_type) && node.outputs.size() == 1 &&
         std::binary_search(kNames.begin(), kNames.end(), node.op_type);
}

// Pad moves elements too, beside zeros if it is constant and its number is given as an input or not at all.
bool pads_with_zero(const Edit& edit, int index) {
  const Node& node = edit.node(index);
  return edit.is(index, "Pad") && node.inputs.size() >= 2 && !ops::pads_with_a_number(edit.graph(), node);
}

// A Pad's number among bytes of these parameters.
void set_padding(Edit& edit, const Node& node, const TensorParams& params, std::vector<ValueId>& inputs) {
  if (node.op_type != "Pad") return;
  inputs.resize(std::max<std::size_t>(inputs.size(), 3), kNoValue);
  inputs[2] = kNoValue;
  if (!ops::pads_with_constant(node)) return;
  Tensor zero(DType::u8, {});
  zero.data<std::uint8_t>()[0] = static_cast<std::uint8_t>(params.zero_point);
  inputs[2] = add_constant(edit.graph(), node.name + "_zero", std::move(zero));
}

bool is_float(const Edit& edit, ValueId id) { return edit.graph().value(id).type.dtype == DType::f32; }

// A value like `id` that holds its bytes.
ValueId bytes_like(Graph& graph, ValueId id) {
  TypeInfo type = graph.value(id).type;
  type.dtype = DType::u8;
  return graph.add_value(graph.fresh_name(graph.value(id).name + "_u8"), type);
}

std::vector<ValueId> params_of(const Edit& edit, int node) {
  const std::vector<ValueId>& in = edit.node(node).inputs;
  return {in.begin() + 1, in.end()};
}

std::vector<ValueId> with_params(ValueId id, const std::vector<ValueId>& params) {
  std::vector<ValueId> out{id};
  out.insert(out.end(), params.begin(), params.end());
  return out;
}

// move(DQ(b)) -> DQ(move(b)).
bool sink(Edit& edit, int i) {
  const Node node = edit.node(i);
  const auto x = dequantized(edit, node.inputs[0]);
  if (!x) return false;
  std::vector<ValueId> inputs = node.inputs;
  inputs[0] = x->bytes;
  set_padding(edit, node, x->params, inputs);
  const ValueId moved = bytes_like(edit.graph(), node.outputs[0]);
  edit.produce_new(moved, node.op_type, inputs, node.attributes);
  edit.produce(node.outputs[0], "DequantizeLinear", with_params(moved, params_of(edit, x->node)));
  return true;
}

// Concat(DQ(a), DQ(b), ...) -> DQ(Concat(a, b, ...)) where all have the same parameters.
bool sink_concat(Edit& edit, int i) {
  const Node node = edit.node(i);
  std::vector<ValueId> bytes;
  std::optional<Dequantized> first;
  for (const ValueId id : node.inputs) {
    const auto x = dequantized(edit, id);
    if (!x || (first && !(first->params == x->params))) return false;
    if (!first) first = x;
    bytes.push_back(x->bytes);
  }
  if (!first) return false;
  const ValueId joined = bytes_like(edit.graph(), node.outputs[0]);
  edit.produce_new(joined, "Concat", bytes, node.attributes);
  edit.produce(node.outputs[0], "DequantizeLinear", with_params(joined, params_of(edit, first->node)));
  return true;
}

// Q(move(x)) -> move(Q(x)); for Concat, of every input.
bool raise(Edit& edit, int i, bool concat) {
  const Node node = edit.node(i);
  const auto q = quantizer(edit, node.outputs[0]);
  if (!q) return false;
  const std::size_t data_inputs = concat ? node.inputs.size() : 1;
  for (std::size_t k = 0; k < data_inputs; ++k) {
    if (!is_float(edit, node.inputs[k])) return false;
    if (!concat && !edit.uses().single(node.inputs[k])) return false;
  }
  const std::vector<ValueId> params = params_of(edit, q->node);
  const ValueId out = edit.node(q->node).outputs[0];
  std::vector<ValueId> inputs = node.inputs;
  for (std::size_t k = 0; k < data_inputs; ++k) {
    inputs[k] = bytes_like(edit.graph(), node.inputs[k]);
    edit.produce_new(inputs[k], "QuantizeLinear", with_params(node.inputs[k], params));
  }
  set_padding(edit, node, q->params, inputs);
  edit.remove(i);
  edit.produce(out, node.op_type, inputs, node.attributes, node.name);
  return true;
}

int once(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    const bool concat = edit.is(i, "Concat");
    if (!concat && !moves_elements(edit, i) && !pads_with_zero(edit, i)) continue;
    if (!is_float(edit, edit.node(i).outputs[0])) continue;
    if (concat ? sink_concat(edit, i) : sink(edit, i)) continue;
    raise(edit, i, concat);
  }
  return edit.finish();
}

}  // namespace

int move_dequantize(Graph& graph) {
  int total = 0;
  while (const int count = once(graph)) total += count;
  return total;
}

}  // namespace octet::runtime
