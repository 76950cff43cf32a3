#include "octet/runtime/passes/qdq.h"

#include <algorithm>

namespace octet::runtime {
namespace {

// The zero point of a quantizing node: its tensor, or nullptr when left out (zero, u8).
const Tensor* zero_point_of(const Edit& edit, const Node& node) {
  return node.inputs.size() > 2 ? edit.constant(node.inputs[2]) : nullptr;
}

bool zero_point_is_constant(const Edit& edit, const Node& node) {
  return node.inputs.size() < 3 || node.inputs[2] == kNoValue || edit.constant(node.inputs[2]) != nullptr;
}

}  // namespace

std::optional<TensorParams> tensor_params(const Edit& edit, int index) {
  const bool quantizes = edit.is(index, "QuantizeLinear");
  if (!quantizes && !edit.is(index, "DequantizeLinear")) return std::nullopt;
  const Node& node = edit.node(index);
  const Tensor* scale = edit.constant(node.inputs[1]);
  if (scale == nullptr || scale->dtype() != DType::f32 || scale->elements() != 1) return std::nullopt;
  if (!zero_point_is_constant(edit, node) || node.attributes.integer("block_size", 0) != 0) return std::nullopt;
  TensorParams params{.scale = scale->data<float>()[0], .zero_point = 0, .dtype = DType::u8};
  if (const Tensor* zero = zero_point_of(edit, node)) {
    if (zero->elements() != 1) return std::nullopt;
    params.dtype = zero->dtype();
    params.zero_point = zero->to_int64()[0];
  } else {
    const ValueId bytes = quantizes ? node.outputs[0] : node.inputs[0];
    params.dtype = edit.graph().value(bytes).type.dtype;
  }
  const ValueId real = quantizes ? node.inputs[0] : node.outputs[0];
  const bool eight_bits = params.dtype == DType::u8 || params.dtype == DType::i8;
  return eight_bits && edit.graph().value(real).type.dtype == DType::f32 ? std::optional(params) : std::nullopt;
}

std::optional<Dequantized> dequantized(const Edit& edit, ValueId id) {
  const int producer = edit.producer(id, "DequantizeLinear");
  if (producer < 0) return std::nullopt;
  const auto params = tensor_params(edit, producer);
  const ValueId bytes = edit.node(producer).inputs[0];
  if (!params || params->dtype != DType::u8 || edit.constant(bytes) != nullptr) return std::nullopt;
  return Dequantized{bytes, producer, *params};
}

std::optional<Quantizer> quantizer(const Edit& edit, ValueId id) {
  const int reader = edit.only_reader(id, "QuantizeLinear");
  if (reader < 0 || edit.node(reader).inputs[0] != id) return std::nullopt;
  const auto params = tensor_params(edit, reader);
  if (!params || params->dtype != DType::u8) return std::nullopt;
  return Quantizer{reader, *params};
}

std::optional<QuantizedWeights> quantized_weights(const Edit& edit, ValueId id, int axis) {
  const int producer = edit.producer(id, "DequantizeLinear");
  if (producer < 0) return std::nullopt;
  const Node& node = edit.node(producer);
  const Tensor *bytes = edit.constant(node.inputs[0]), *scale = edit.constant(node.inputs[1]);
  if (bytes == nullptr || bytes->dtype() != DType::i8 || scale == nullptr || scale->dtype() != DType::f32)
    return std::nullopt;
  if (!zero_point_is_constant(edit, node) || node.attributes.integer("block_size", 0) != 0) return std::nullopt;
  if (const Tensor* zero = zero_point_of(edit, node)) {
    const auto zeros = zero->to_int64();
    if (std::any_of(zeros.begin(), zeros.end(), [](std::int64_t z) { return z != 0; })) return std::nullopt;
  }
  if (scale->elements() != 1) {
    const int given = normalize_axis(node.attributes.integer("axis", 1), bytes->rank());
    if (given != axis || scale->elements() != bytes->dim(axis)) return std::nullopt;
  }
  return QuantizedWeights{node.inputs[0], node.inputs[1], producer};
}

std::optional<QuantizedWeights> block_quantized_weights(const Edit& edit, ValueId id, int axis) {
  if (const auto symmetric = quantized_weights(edit, id, axis)) return symmetric;
  const int producer = edit.producer(id, "DequantizeLinear");
  if (producer < 0 || !zero_point_is_constant(edit, edit.node(producer))) return std::nullopt;
  const Node& node = edit.node(producer);
  const Tensor *w = edit.constant(node.inputs[0]), *scale = edit.constant(node.inputs[1]);
  if (w == nullptr || w->rank() != 2 || scale == nullptr || scale->dtype() != DType::f32) return std::nullopt;
  if (!is_four_bits(w->dtype()) && w->dtype() != DType::i8 && w->dtype() != DType::u8) return std::nullopt;
  QuantizedWeights out{node.inputs[0], node.inputs[1], producer, node.attributes.integer("block_size", 0), kNoValue};
  const int given = normalize_axis(node.attributes.integer("axis", 1), w->rank());
  if (out.block != 0) {
    if (given == axis || scale->rank() != 2 || scale->dim(axis) != w->dim(axis)) return std::nullopt;
  } else if (scale->elements() != 1 && (given != axis || scale->elements() != w->dim(axis))) {
    return std::nullopt;
  }
  const Tensor* zero = zero_point_of(edit, node);
  if (zero != nullptr) out.zero_point = node.inputs[2];
  return out;
}

ValueId add_constant(Graph& graph, const std::string& name, Tensor tensor) {
  return graph.add_initializer(graph.fresh_name(name), std::move(tensor));
}

}  // namespace octet::runtime
