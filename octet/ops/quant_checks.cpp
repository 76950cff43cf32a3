#include "octet/ops/quant_checks.h"

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <map>

namespace octet::ops {
namespace {

// One quantized operand of an operator: its slots, -1 where there is none.
struct Operand {
  int data = -1, scale = -1, zero_point = -1;
  bool per_axis = false;  ///< the scale may have one element a channel
};

const std::map<std::string, std::vector<Operand>>& operands() {
  static const std::map<std::string, std::vector<Operand>> table = {
      {"QuantizeLinear", {{-1, 1, 2, true}}},
      {"DequantizeLinear", {{0, 1, 2, true}}},
      {"QLinearConv", {{0, 1, 2}, {3, 4, 5, true}, {-1, 6, 7}}},
      {"QLinearMatMul", {{0, 1, 2, true}, {3, 4, 5, true}, {-1, 6, 7, true}}},
      {"MatMulInteger", {{0, -1, 2, true}, {1, -1, 3, true}}},
      {"ConvInteger", {{0, -1, 2}, {1, -1, 3, true}}},
  };
  return table;
}

class GraphCheck {
 public:
  explicit GraphCheck(const Graph& graph) : graph_(graph) {}

  void run() const {
    for (const Node& node : graph_.nodes) {
      try {
        check(node);
      } catch (Error& e) {
        if (e.info().node.empty()) e.node(graph_.label(node));
        throw;
      }
      for (const GraphPtr& body : subgraphs(node)) check_quantization(*body);
    }
  }

 private:
  void check(const Node& node) const {
    const auto entry = operands().find(node.op_type);
    if (entry == operands().end() || !node.domain.empty()) return;
    for (const Operand& operand : entry->second) check(node, operand);
    if (node.op_type == "QuantizeLinear") check_axis(node, 0);
    if (node.op_type == "DequantizeLinear") check_axis(node, 0);
  }

  void check(const Node& node, const Operand& operand) const {
    const Tensor* scale = constant(node, operand.scale);
    const Tensor* zero_point = constant(node, operand.zero_point);
    if (scale != nullptr) check_scale(*scale, name(node, operand.scale));
    if (zero_point == nullptr) return;
    const DType data = dtype(node, operand.data);
    if (scale != nullptr) return check_zero_point(*zero_point, *scale, data, name(node, operand.zero_point));
    check_zero_point(*zero_point, *zero_point, data, name(node, operand.zero_point));
  }

  void check_axis(const Node& node, int data) const {
    const Tensor* scale = constant(node, 1);
    const auto& shape = graph_.value(node.inputs[static_cast<std::size_t>(data)]).type.shape;
    const bool blocked = node.attributes.integer("block_size", 0) != 0;
    if (scale == nullptr || !shape || blocked || scale->rank() == 0) return;
    const int axis =
        shape->empty() ? 0 : normalize_axis(node.attributes.integer("axis", 1), static_cast<int>(shape->size()));
    if (scale->elements() != 1) check_channels(*shape, scale->elements(), axis, name(node, 1));
  }

  const Tensor* constant(const Node& node, int slot) const {
    if (slot < 0 || static_cast<std::size_t>(slot) >= node.inputs.size()) return nullptr;
    return graph_.initializer(node.inputs[static_cast<std::size_t>(slot)]);
  }
  DType dtype(const Node& node, int slot) const {
    if (slot < 0) return DType::undefined;
    if (const Tensor* tensor = constant(node, slot)) return tensor->dtype();
    const ValueId id = node.inputs[static_cast<std::size_t>(slot)];
    return id == kNoValue ? DType::undefined : graph_.value(id).type.dtype;
  }
  std::string name(const Node& node, int slot) const {
    return graph_.value(node.inputs[static_cast<std::size_t>(slot)]).name;
  }

  const Graph& graph_;
};

}  // namespace

bool is_quantized_type(DType dtype) {
  switch (dtype) {
    case DType::u8:
    case DType::i8:
    case DType::u16:
    case DType::i16:
    case DType::i32:
    case DType::u4:
    case DType::i4:
      return true;
    default:
      return false;
  }
}

void check_scale(const Tensor& scale, const std::string& name) {
  if (!is_float(scale.dtype())) {
    throw Error(ErrorKind::bad_input, "a scale is not a floating-point tensor")
        .tensor(name)
        .value(to_string(scale.dtype()))
        .expected("float32, float16 or bfloat16");
  }
  const std::vector<double> values = scale.to_double();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double v = values[i];
    if (std::isfinite(v) && v >= static_cast<double>(std::numeric_limits<float>::min())) continue;
    const std::string where = values.size() == 1 ? "" : fmt::format(" at index {}", i);
    throw Error(ErrorKind::bad_input, "a scale is not a positive normal number")
        .tensor(name)
        .value(fmt::format("{:g}{}", v, where))
        .expected(fmt::format("finite and at least {:g}", static_cast<double>(std::numeric_limits<float>::min())))
        .hint("quantize the model again");
  }
}

void check_zero_point(const Tensor& zero_point, const Tensor& scale, DType dtype, const std::string& name) {
  const bool known = dtype != DType::undefined;
  if (known ? zero_point.dtype() != dtype : !is_quantized_type(zero_point.dtype())) {
    throw Error(ErrorKind::bad_input, "a zero point has another type than the quantized tensor")
        .tensor(name)
        .value(to_string(zero_point.dtype()))
        .expected(known ? to_string(dtype) : "an 8- or 16-bit integer type");
  }
  if (zero_point.elements() != scale.elements()) {
    throw Error(ErrorKind::bad_input, "a zero point has another number of elements than its scale")
        .tensor(name)
        .value(to_string(zero_point.shape()))
        .expected(to_string(scale.shape()));
  }
  if (zero_point.dtype() != DType::i32) return;
  for (const std::int64_t v : zero_point.to_int64()) {
    if (v == 0) continue;
    throw Error(ErrorKind::bad_input, "an int32 tensor has a zero point other than 0")
        .tensor(name)
        .value(std::to_string(v));
  }
}

void check_channels(const SymbolicShape& data, std::int64_t count, int axis, const std::string& name) {
  if (count == 1) return;
  const Dim dim = static_cast<std::size_t>(axis) < data.size() ? data[static_cast<std::size_t>(axis)] : Dim(1);
  if (!dim.known() || dim.value == count) return;
  throw Error(ErrorKind::bad_input, "a per-channel tensor does not have one element a channel")
      .tensor(name)
      .value(std::to_string(count))
      .expected(fmt::format("{} (dimension {} of {})", dim.value, axis, to_string(data)));
}

void check_quantization(const Graph& graph) { GraphCheck(graph).run(); }

}  // namespace octet::ops
