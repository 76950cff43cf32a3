// print_graph: a graph as text, complete enough to be read back.
//
//   graph main {
//     opset "" 17
//     input %x: float32[N, 3]
//     const %w: float32[3, 2] = {1, 2, 3, 4, 5, 6}
//     %y: float32[N, 2] = MatMul(%x, %w) name matmul
//     output %y
//   }
#include <fmt/format.h>

#include <cmath>

#include "octet/graph/text.h"

namespace octet {
namespace {

using text::word;

std::string name_of(const Graph& graph, ValueId id) { return id == kNoValue ? "_" : "%" + word(graph.value(id).name); }

std::string join(const std::vector<std::string>& items) { return fmt::format("{}", fmt::join(items, ", ")); }

std::string type_text(const TypeInfo& type) {
  std::string out = to_string(type.dtype);
  if (!type.shape) return out;
  std::vector<std::string> dims;
  for (const Dim& dim : *type.shape) {
    dims.push_back(dim.known() ? std::to_string(dim.value) : dim.symbol.empty() ? "?" : word(dim.symbol));
  }
  return out + "[" + join(dims) + "]";
}

// A NaN keeps its bits; everything else is the shortest decimal that reads back the same.
std::string number(float value) {
  return std::isnan(value) ? fmt::format("bits {}", std::bit_cast<std::uint32_t>(value)) : fmt::format("{}", value);
}

bool has_nan(const Tensor& tensor) {
  if (!is_float(tensor.dtype())) return false;
  for (const double v : tensor.to_double()) {
    if (std::isnan(v)) return true;
  }
  return false;
}

std::string element(const Tensor& tensor, std::int64_t i) {
  std::string out;
  dispatch(tensor.dtype(), [&]<class T>() {
    const T value = tensor.data<T>()[i];
    if constexpr (std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>) {
      out = fmt::format("{}", static_cast<float>(value));
    } else if constexpr (std::is_same_v<T, float> || std::is_same_v<T, double>) {
      out = fmt::format("{}", value);
    } else {
      out = std::to_string(value);
    }
  });
  return out;
}

std::string data_text(const Tensor& tensor) {
  if (tensor.elements() > text::kMaxInline || is_four_bits(tensor.dtype()) || has_nan(tensor)) {
    return "base64 \"" + text::base64({static_cast<const char*>(tensor.raw()), tensor.bytes()}) + "\"";
  }
  std::vector<std::string> items;
  for (std::int64_t i = 0; i < tensor.elements(); ++i) items.push_back(element(tensor, i));
  return "{" + join(items) + "}";
}

class Printer {
 public:
  explicit Printer(std::string& out) : out_(out) {}

  void graph(const Graph& g) {
    out_ += "graph " + word(g.name) + " {\n";
    ++depth_;
    info(g);
    for (const ValueId id : g.inputs) value_line("input", g, id, g.initializer(id));
    std::vector<bool> is_input(g.value_count(), false);
    for (const ValueId id : g.inputs) is_input[static_cast<std::size_t>(id)] = true;
    for (const auto& [id, tensor] : g.initializers()) {
      if (!is_input[static_cast<std::size_t>(id)]) value_line("const", g, id, &tensor);
    }
    for (const ValueId id : g.captures()) value_line("capture", g, id, nullptr);
    for (const Node& n : g.nodes) node(g, n);
    for (const ValueId id : g.outputs) line("output " + name_of(g, id));
    --depth_;
    indent();
    out_ += "}";
  }

 private:
  void indent() { out_.append(2 * static_cast<std::size_t>(depth_), ' '); }
  void line(const std::string& content) {
    indent();
    out_ += content + "\n";
  }
  void text_line(const char* key, const std::string& value) {
    if (!value.empty()) line(std::string(key) + " " + text::quoted(value));
  }
  void bytes_line(const char* key, const std::string& bytes) {
    if (!bytes.empty()) line(std::string(key) + " \"" + text::base64(bytes) + "\"");
  }

  void info(const Graph& g) {
    for (const auto& [domain, version] : g.opsets)
      line("opset " + text::quoted(domain) + " " + std::to_string(version));
    text_line("doc", g.doc);
    line("ir_version " + std::to_string(g.info.ir_version));
    text_line("producer_name", g.info.producer_name);
    text_line("producer_version", g.info.producer_version);
    text_line("domain", g.info.domain);
    text_line("model_doc", g.info.doc);
    if (g.info.model_version != 0) line("model_version " + std::to_string(g.info.model_version));
    for (const auto& [key, value] : g.info.metadata) line("metadata " + text::quoted(key) + " " + text::quoted(value));
    bytes_line("unknown_fields", g.info.unknown_fields);
    bytes_line("graph_unknown_fields", g.info.graph_unknown_fields);
  }

  static std::string typed_name(const Graph& g, ValueId id) {
    if (id == kNoValue) return "_";
    const TypeInfo& type = g.value(id).type;
    return name_of(g, id) + (type.dtype == DType::undefined ? "" : ": " + type_text(type));
  }

  // What is rarely there, after what always is.
  static std::string extras(const Value& value) {
    std::string out;
    if (!value.doc.empty()) out += " doc " + text::quoted(value.doc);
    if (!value.unknown_fields.empty()) out += " unknown_fields \"" + text::base64(value.unknown_fields) + "\"";
    if (!value.tensor_unknown_fields.empty())
      out += " tensor_unknown_fields \"" + text::base64(value.tensor_unknown_fields) + "\"";
    return out;
  }

  void value_line(const char* kind, const Graph& g, ValueId id, const Tensor* tensor) {
    std::string content = std::string(kind) + " " + typed_name(g, id);
    if (tensor != nullptr)
      content += " = " + type_text({tensor->dtype(), symbolic(tensor->shape())}) + " " + data_text(*tensor);
    line(content + extras(g.value(id)));
  }

  void node(const Graph& g, const Node& n) {
    indent();
    std::vector<std::string> inputs, outputs;
    for (const ValueId id : n.outputs)
      outputs.push_back(typed_name(g, id) + (id == kNoValue ? "" : extras(g.value(id))));
    for (const ValueId id : n.inputs) inputs.push_back(name_of(g, id));
    out_ += join(outputs) + " = " + word(n.op_type) + "(" + join(inputs) + ")";
    if (!n.domain.empty()) out_ += " domain " + text::quoted(n.domain);
    if (!n.name.empty()) out_ += " name " + text::quoted(n.name);
    if (!n.doc.empty()) out_ += " doc " + text::quoted(n.doc);
    if (!n.unknown_fields.empty()) out_ += " unknown_fields \"" + text::base64(n.unknown_fields) + "\"";
    const char* separator = " <";
    for (const auto& [name, value] : n.attributes) {
      out_ += separator + word(name) + ": " + std::string(text::kAttributeTypes[value.index()]) + " = ";
      std::visit([&](const auto& v) { attribute(v); }, value);
      separator = ", ";
    }
    if (n.attributes.size() != 0) out_ += ">";
    out_ += "\n";
  }

  void attribute(std::int64_t v) { out_ += std::to_string(v); }
  void attribute(float v) { out_ += number(v); }
  void attribute(const std::string& v) { out_ += text::quoted(v); }
  void attribute(const Tensor& v) { out_ += type_text({v.dtype(), symbolic(v.shape())}) + " " + data_text(v); }
  void attribute(const GraphPtr& v) { graph(*v); }
  template <class T>
  void attribute(const std::vector<T>& list) {
    out_ += "[";
    const char* separator = "";
    for (const T& item : list) {
      out_ += separator;
      attribute(item);
      separator = ", ";
    }
    out_ += "]";
  }

  std::string& out_;
  int depth_ = 0;
};

}  // namespace

std::string print_graph(const Graph& graph) {
  std::string out;
  Printer(out).graph(graph);
  out += "\n";
  return out;
}

}  // namespace octet
