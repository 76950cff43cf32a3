#include "octet/report/inspect.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "octet/report/table.h"
#include "octet/report/text.h"
#include "octet/runtime/step_info.h"

namespace octet::report {
namespace {

using Json = nlohmann::ordered_json;

ValueInfo describe(const Graph& graph, ValueId id) {
  const Value& value = graph.value(id);
  return {value.name, to_string(value.type.dtype), value.type.shape ? to_string(*value.type.shape) : "?"};
}

const char* short_name(DType dtype) {
  switch (dtype) {
    case DType::u8:
      return "u8";
    case DType::i8:
      return "s8";
    case DType::u4:
      return "u4";
    case DType::i4:
      return "s4";
    case DType::u16:
      return "u16";
    case DType::i16:
      return "s16";
    case DType::i32:
      return "s32";
    default:
      return "int";
  }
}

// The type that a DequantizeLinear in front of an input reads: "u8", "s8 per channel", "s4 in groups of 128"; empty if
// there is none.
std::string quantized_input(const Graph& graph, const Uses& uses, ValueId id) {
  const int index = id == kNoValue ? -1 : uses.producer(id);
  if (index < 0) return {};
  const Node& node = graph.nodes[static_cast<std::size_t>(index)];
  if (node.op_type != "DequantizeLinear" || node.inputs.empty()) return {};
  const Tensor* data = graph.initializer(node.inputs[0]);
  DType dtype = data != nullptr ? data->dtype() : graph.value(node.inputs[0]).type.dtype;
  if (dtype == DType::undefined && node.inputs.size() > 2) {
    const Tensor* zero_point = graph.initializer(node.inputs[2]);
    dtype = zero_point != nullptr ? zero_point->dtype() : DType::u8;
  }
  const Tensor* scale = node.inputs.size() > 1 ? graph.initializer(node.inputs[1]) : nullptr;
  if (const std::int64_t block = node.attributes.integer("block_size", 0); block != 0)
    return std::string(short_name(dtype)) + " in groups of " + std::to_string(block);
  const bool per_channel = scale != nullptr && scale->elements() > 1;
  return std::string(short_name(dtype)) + (per_channel ? " per channel" : "");
}

bool reads_constant(const Graph& graph, const Uses& uses, ValueId id) {
  if (id == kNoValue) return false;
  if (graph.initializer(id) != nullptr) return true;
  const int index = uses.producer(id);
  if (index < 0) return false;
  const Node& node = graph.nodes[static_cast<std::size_t>(index)];
  return node.op_type == "DequantizeLinear" && !node.inputs.empty() && graph.initializer(node.inputs[0]) != nullptr;
}

// The constant that a value is, or that a DequantizeLinear makes it from.
ValueId constant_behind(const Graph& graph, const Uses& uses, ValueId id) {
  if (id == kNoValue || graph.initializer(id) != nullptr) return id;
  return reads_constant(graph, uses, id) ? graph.nodes[static_cast<std::size_t>(uses.producer(id))].inputs[0]
                                         : kNoValue;
}

// Steps between float and integers, not layers of the network.
bool is_plumbing(const std::string& op) {
  return op == "QuantizeLinear" || op == "DequantizeLinear" || op == "DynamicQuantizeLinear" || op == "Constant";
}

void add_parameters(const Graph& graph, const Uses& uses, const Node& node, std::set<ValueId>& seen, NodeInfo& info) {
  if (is_plumbing(node.op_type)) return;  // what it reads belongs to the layer that reads its output
  for (const ValueId input : node.inputs) {
    const ValueId id = constant_behind(graph, uses, input);
    const Tensor* tensor = id == kNoValue ? nullptr : graph.initializer(id);
    if (tensor == nullptr || !seen.insert(id).second) continue;
    info.parameters += tensor->elements();
    info.bytes += static_cast<std::int64_t>(tensor->bytes());
  }
}

// Convolutions and products cost something as soon as their shapes are known.
bool has_cost(const Node& node) {
  static const std::set<std::string> names = {"Conv",   "ConvInteger",   "ConvTranspose", "QLinearConv", "Gemm",
                                              "MatMul", "MatMulInteger", "QLinearMatMul", "LSTM",        "GRU",
                                              "RNN"};
  return names.count(node.op_type) != 0;
}

bool shapes_known(const Graph& graph, const Node& node) {
  const auto known = [&](ValueId id) {
    if (id == kNoValue || graph.initializer(id) != nullptr) return true;
    const TypeInfo& type = graph.value(id).type;
    return type.shape.has_value() && static_shape(*type.shape).has_value();
  };
  return std::all_of(node.inputs.begin(), node.inputs.end(), known) &&
         std::all_of(node.outputs.begin(), node.outputs.end(), known);
}

}  // namespace

std::string quantization_of(const Graph& graph, const Uses& uses, const Node& node) {
  if (is_plumbing(node.op_type)) return {};
  if (node.op_type == "MatMulInteger" || node.op_type == "ConvInteger") return "u8 dynamic x s8";
  if (node.op_type.rfind("QLinear", 0) == 0) return "u8 x s8";
  std::string activation, weight;
  for (const ValueId id : node.inputs) {
    const std::string type = quantized_input(graph, uses, id);
    if (type.empty() || type.rfind("s32", 0) == 0) continue;
    (reads_constant(graph, uses, id) ? weight : activation) = type;
  }
  const std::string* per_row = graph.info.find_metadata("octet.dynamic_per_row");
  if (per_row != nullptr && !node.name.empty() &&
      ("\n" + *per_row + "\n").find("\n" + node.name + "\n") != std::string::npos) {
    return "dynamic per row x " + weight;
  }
  if (!activation.empty() && !weight.empty()) return activation + " x " + weight;
  return weight.empty() ? activation : weight + " weights";
}

bool is_quantized(const Graph& graph) {
  static const std::set<std::string> marks = {"QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear",
                                              "QLinearConv",    "QLinearMatMul",    "ConvInteger",
                                              "MatMulInteger"};
  return std::any_of(graph.nodes.begin(), graph.nodes.end(),
                     [](const Node& node) { return marks.count(node.op_type) != 0; });
}

ModelInfoReport inspect(const Graph& graph, std::int64_t size_bytes) {
  ModelInfoReport report;
  const Uses uses(graph);
  std::set<ValueId> seen;
  for (const ValueId id : graph.inputs) {
    if (graph.initializer(id) == nullptr) report.inputs.push_back(describe(graph, id));
  }
  for (const ValueId id : graph.outputs) report.outputs.push_back(describe(graph, id));
  for (const Node& node : graph.nodes) {
    NodeInfo info;
    info.name = graph.label(node);
    info.op = node.domain.empty() ? node.op_type : node.domain + "." + node.op_type;
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) info.outputs.push_back(describe(graph, id));
    }
    add_parameters(graph, uses, node, seen, info);
    info.macs = runtime::count_macs(graph, node);
    if (info.macs == 0 && has_cost(node) && !shapes_known(graph, node)) report.macs_complete = false;
    info.quantization = quantization_of(graph, uses, node);
    report.parameters += info.parameters;
    report.macs += info.macs;
    report.nodes.push_back(std::move(info));
  }
  report.size_bytes = size_bytes;
  report.opset = graph.opset();
  report.producer = graph.info.producer_name;
  report.metadata = graph.info.metadata;
  return report;
}

namespace {

Json values_json(const std::vector<ValueInfo>& values) {
  Json out = Json::array();
  for (const ValueInfo& value : values) {
    out.push_back({{"name", safe(value.name)}, {"dtype", value.dtype}, {"shape", safe(value.shape)}});
  }
  return out;
}

}  // namespace

Json to_json(const ModelInfoReport& report) {
  Json out;
  out["inputs"] = values_json(report.inputs);
  out["outputs"] = values_json(report.outputs);
  out["nodes"] = Json::array();
  for (const NodeInfo& node : report.nodes) {
    out["nodes"].push_back({{"name", safe(node.name)},
                            {"op", safe(node.op)},
                            {"outputs", values_json(node.outputs)},
                            {"parameters", node.parameters},
                            {"bytes", node.bytes},
                            {"macs", node.macs},
                            {"quantization", node.quantization.empty() ? Json() : Json(node.quantization)}});
  }
  out["parameters"] = report.parameters;
  out["macs"] = report.macs_complete ? Json(report.macs) : Json();
  out["size_bytes"] = report.size_bytes;
  out["opset"] = report.opset;
  out["producer"] = safe(report.producer);
  out["metadata"] = Json::object();
  for (const auto& [key, value] : report.metadata) out["metadata"][safe(key)] = safe(value);
  return out;
}

std::string to_text(const ModelInfoReport& report, int width) {
  std::map<std::string, int> operators;
  Table nodes(
      {{"node"}, {"operator"}, {"output"}, {"parameters", Table::right}, {"MACs", Table::right}, {"quantization"}});
  for (const NodeInfo& node : report.nodes) {
    ++operators[node.op];
    if (is_plumbing(node.op)) continue;
    const std::string shape = node.outputs.empty() ? "" : node.outputs.front().shape;
    nodes.add({node.name, node.op, shape, node.parameters > 0 ? count_text(node.parameters) : "",
               node.macs > 0 ? count_text(node.macs) : "", node.quantization});
  }
  std::string out = nodes.text(width) + '\n';
  for (const auto& [title, values] : {std::pair("input", &report.inputs), std::pair("output", &report.outputs)}) {
    for (const ValueInfo& value : *values) {
      out += fmt::format("{:<11} {} {} {}\n", title, safe(value.name), value.dtype, safe(value.shape));
    }
  }
  out += fmt::format("{:<11} {}\n{:<11} {}{}\n{:<11} {}\n{:<11} {}, written by {}\n", "parameters",
                     count_text(report.parameters), "MACs", count_text(report.macs),
                     report.macs_complete ? "" : " and what --shape would tell", "size", bytes_text(report.size_bytes),
                     "opset", report.opset, safe(report.producer));
  std::string list;
  for (const auto& [name, count] : operators)
    list += fmt::format("{}{} {}", list.empty() ? "" : ", ", count, safe(name));
  return out + fmt::format("{:<11} {}: {}\n", "nodes", report.nodes.size(), list);
}

}  // namespace octet::report
