#include "octet/quant/integer_form.h"

#include "octet/quant/layers.h"

namespace octet::quant {
namespace {

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
  if (reduce_range_) return inputs_.emplace(x, seven_bits(x)).first->second;
  const std::string name = graph_.value(x).name;
  const ValueId q = graph_.add_node("DynamicQuantizeLinear", {x}, {}, graph_.fresh_name(name + "_quantized"));
  const Input input{q, graph_.add_value(graph_.fresh_name(name + "_scale"), {DType::f32, SymbolicShape{}}),
                    graph_.add_value(graph_.fresh_name(name + "_zero_point"), {DType::u8, SymbolicShape{}})};
  graph_.nodes.back().outputs = {q, input.scale, input.zero_point};
  return inputs_.emplace(x, input).first->second;
}

// As torch's quantize_dynamic chooses them: 0.1 stands for the scale of a tensor of zeros.
IntegerForm::Input IntegerForm::seven_bits(ValueId x) {
  const std::string name = graph_.value(x).name;
  const auto node = [&](const char* op, std::vector<ValueId> inputs, const char* what, Attributes attributes = {}) {
    return graph_.add_node(op, std::move(inputs), std::move(attributes), graph_.fresh_name(name + what));
  };
  Attributes scalar, to_u8;
  scalar.set("keepdims", std::int64_t{0});
  to_u8.set("to", static_cast<std::int64_t>(DType::u8));
  const ValueId zero = constant(name + "_zero", Tensor::scalar(0.0f));
  const ValueId low = node("Min", {node("ReduceMin", {x}, "_least", scalar), zero}, "_low");
  const ValueId high = node("Max", {node("ReduceMax", {x}, "_most", scalar), zero}, "_high");
  const ValueId levels = constant(name + "_levels", Tensor::scalar(127.0f));
  const ValueId step = node("Div", {node("Sub", {high, low}, "_range"), levels}, "_step");
  const ValueId empty = node("Equal", {step, zero}, "_empty");
  const ValueId scale = node("Where", {empty, constant(name + "_unit", Tensor::scalar(0.1f)), step}, "_scale");
  const ValueId zero_point = node("Round", {node("Neg", {node("Div", {low, scale}, "_offset")}, "_up")}, "_rounded");
  const ValueId integer = node("Cast", {zero_point}, "_zero_point", to_u8);
  return {node("QuantizeLinear", {x, scale, integer}, "_quantized"), scale, integer};
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
