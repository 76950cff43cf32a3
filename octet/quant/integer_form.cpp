#include "octet/quant/integer_form.h"

#include "octet/quant/layers.h"

namespace octet::quant {
namespace {

// A matrix with rows and columns exchanged.
Tensor transposed(const Tensor& matrix) {
  Tensor out(DType::i8, {matrix.dim(1), matrix.dim(0)});
  for (std::int64_t r = 0; r < matrix.dim(0); ++r) {
    for (std::int64_t c = 0; c < matrix.dim(1); ++c) {
      out.data<std::int8_t>()[c * matrix.dim(0) + r] = matrix.data<std::int8_t>()[r * matrix.dim(1) + c];
    }
  }
  return out;
}

// One number a channel in the shape that broadcasts over an output whose channel axis is followed by `after` axes.
Tensor along_channels(const std::vector<float>& numbers, int after) {
  if (numbers.size() == 1) return Tensor::scalar(numbers[0]);
  Shape shape{static_cast<std::int64_t>(numbers.size())};
  for (int i = 0; i < after; ++i) shape.push_back(1);
  return Tensor::from<float>(shape, numbers);
}

Attributes cast_to_float() {
  Attributes attributes;
  attributes.set("to", std::int64_t{1});
  return attributes;
}

}  // namespace

bool IntegerForm::has_form(const Node& node) const {
  if (node.op_type == "MatMul" || node.op_type == "Conv") return true;
  return node.op_type == "Gemm" && node.attributes.real("alpha", 1) == 1 && node.attributes.real("beta", 1) == 1 &&
         node.attributes.integer("transA", 0) == 0;
}

const IntegerForm::Input& IntegerForm::quantized_input(ValueId x) {
  const auto it = inputs_.find(x);
  if (it != inputs_.end()) return it->second;
  const std::string name = graph_.value(x).name;
  const ValueId q = graph_.add_node("DynamicQuantizeLinear", {x}, {}, graph_.fresh_name(name + "_quantized"));
  const Input input{q, graph_.add_value(graph_.fresh_name(name + "_scale"), {DType::f32, SymbolicShape{}}),
                    graph_.add_value(graph_.fresh_name(name + "_zero_point"), {DType::u8, SymbolicShape{}})};
  graph_.nodes.back().outputs = {q, input.scale, input.zero_point};
  return inputs_.emplace(x, input).first->second;
}

ValueId IntegerForm::constant(const std::string& name, Tensor tensor) {
  return graph_.add_initializer(graph_.fresh_name(name), std::move(tensor));
}

void IntegerForm::rewrite(int index) {
  const Node node = graph_.nodes[static_cast<std::size_t>(index)];
  const bool conv = node.op_type == "Conv",
             transpose = node.op_type == "Gemm" && node.attributes.integer("transB", 0) != 0;
  const ValueId weight = node.inputs[1], bias = node.inputs.size() > 2 ? node.inputs[2] : kNoValue;
  const std::string name = graph_.label(node), weight_name = graph_.value(weight).name;
  const Tensor tensor = *graph_.initializer(weight);
  const int axis = per_channel_ ? weight_channel_axis(graph_, node) : -1;
  const WeightWriter::Stored& stored = writer_.stored(weight, axis);
  const ValueId values =
      transpose ? constant(weight_name + "_transposed", transposed(*graph_.initializer(stored.values))) : stored.values;
  const int after = conv ? tensor.rank() - 2 : 0;
  const ValueId scale = constant(weight_name + "_factor", along_channels(stored.scales, after));
  const ValueId zero = constant(weight_name + "_zero", Tensor::scalar(std::int8_t{0}));
  const Input input = quantized_input(node.inputs[0]);
  const ValueId sum =
      graph_.add_node(conv ? "ConvInteger" : "MatMulInteger", {input.quantized, values, input.zero_point, zero},
                      conv ? node.attributes : Attributes{}, graph_.fresh_name(name + "_integer"));
  const ValueId real = graph_.add_node("Cast", {sum}, cast_to_float(), graph_.fresh_name(name + "_sum"));
  const ValueId factor = graph_.add_node("Mul", {input.scale, scale}, {}, graph_.fresh_name(name + "_factor"));
  graph_.add_node("Mul", {real, factor}, {}, graph_.fresh_name(name + "_scaled"));
  if (bias != kNoValue) {
    ValueId shaped = bias;
    const Tensor* numbers = graph_.initializer(bias);
    if (conv && numbers != nullptr) {
      shaped = constant(graph_.value(bias).name + "_shaped",
                        along_channels({numbers->data<float>(), numbers->data<float>() + numbers->elements()}, after));
    }
    graph_.add_node("Add", {graph_.nodes.back().outputs[0], shaped}, {}, name);
  }
  graph_.nodes.back().outputs = {node.outputs[0]};
  replaced_.push_back(index);
}

void IntegerForm::finish() {
  std::vector<bool> dead(graph_.nodes.size(), false);
  for (const int index : replaced_) dead[static_cast<std::size_t>(index)] = true;
  erase_nodes(graph_, dead);
}

}  // namespace octet::quant
