#include "octet/graph/graph.h"

#include <algorithm>

namespace octet {
namespace {

const char* kind_name(const AttributeValue& value) {
  constexpr const char* kNames[] = {"int", "float", "string", "tensor", "graph", "ints", "floats", "strings"};
  return kNames[value.index()];
}

template <class T>
const T& get(const AttributeValue& value, std::string_view name, const char* expected) {
  if (const T* item = std::get_if<T>(&value)) return *item;
  throw Error(ErrorKind::bad_input, "attribute '" + std::string(name) + "' has another type than its operator takes")
      .value(kind_name(value))
      .expected(expected);
}

Error missing(std::string_view name) {
  return Error(ErrorKind::bad_input, "attribute '" + std::string(name) + "' is missing");
}

}  // namespace

std::string to_string(const SymbolicShape& shape) {
  if (shape.empty()) return "scalar";
  std::string text;
  for (const Dim& dim : shape) {
    if (!text.empty()) text += 'x';
    text += dim.known() ? std::to_string(dim.value) : dim.symbol.empty() ? "?" : dim.symbol;
  }
  return text;
}

std::optional<Shape> static_shape(const SymbolicShape& shape) {
  Shape out;
  for (const Dim& dim : shape) {
    if (!dim.known()) return std::nullopt;
    out.push_back(dim.value);
  }
  return out;
}

SymbolicShape symbolic(const Shape& shape) { return {shape.begin(), shape.end()}; }

const AttributeValue* Attributes::find(std::string_view name) const {
  for (const auto& [key, value] : items_) {
    if (key == name) return &value;
  }
  return nullptr;
}

void Attributes::set(std::string name, AttributeValue value) {
  for (auto& [key, held] : items_) {
    if (key == name) {
      held = std::move(value);
      return;
    }
  }
  items_.emplace_back(std::move(name), std::move(value));
}

void Attributes::erase(std::string_view name) {
  std::erase_if(items_, [&](const auto& item) { return item.first == name; });
}

std::int64_t Attributes::integer(std::string_view name) const {
  const AttributeValue* value = find(name);
  if (value == nullptr) throw missing(name);
  return get<std::int64_t>(*value, name, "int");
}

std::int64_t Attributes::integer(std::string_view name, std::int64_t fallback) const {
  const AttributeValue* value = find(name);
  return value == nullptr ? fallback : get<std::int64_t>(*value, name, "int");
}

float Attributes::real(std::string_view name, float fallback) const {
  const AttributeValue* value = find(name);
  return value == nullptr ? fallback : get<float>(*value, name, "float");
}

std::string Attributes::text(std::string_view name, const std::string& fallback) const {
  const AttributeValue* value = find(name);
  return value == nullptr ? fallback : get<std::string>(*value, name, "string");
}

std::vector<std::int64_t> Attributes::integers(std::string_view name, const std::vector<std::int64_t>& fallback) const {
  const AttributeValue* value = find(name);
  return value == nullptr ? fallback : get<std::vector<std::int64_t>>(*value, name, "ints");
}

std::vector<float> Attributes::reals(std::string_view name, const std::vector<float>& fallback) const {
  const AttributeValue* value = find(name);
  return value == nullptr ? fallback : get<std::vector<float>>(*value, name, "floats");
}

const Tensor& Attributes::tensor(std::string_view name) const {
  const AttributeValue* value = find(name);
  if (value == nullptr) throw missing(name);
  return get<Tensor>(*value, name, "tensor");
}

const Graph& Attributes::graph(std::string_view name) const {
  const AttributeValue* value = find(name);
  if (value == nullptr) throw missing(name);
  return *get<GraphPtr>(*value, name, "graph");
}

std::string* ModelInfo::find_metadata(std::string_view key) {
  for (auto& [k, v] : metadata) {
    if (k == key) return &v;
  }
  return nullptr;
}

const std::string* ModelInfo::find_metadata(std::string_view key) const {
  return const_cast<ModelInfo*>(this)->find_metadata(key);
}

void ModelInfo::set_metadata(const std::string& key, std::string value) {
  if (std::string* held = find_metadata(key)) {
    *held = std::move(value);
  } else {
    metadata.emplace_back(key, std::move(value));
  }
}

std::string Graph::fresh_name(const std::string& base) const {
  if (!base.empty() && !by_name_.contains(base)) return base;
  // The count of values is a good first guess: names made here seldom collide.
  for (std::size_t i = values_.size();; ++i) {
    std::string candidate = (base.empty() ? "value" : base) + "_" + std::to_string(i);
    if (!by_name_.contains(candidate)) return candidate;
  }
}

ValueId Graph::add_value(std::string value_name, TypeInfo type) {
  if (value_name.empty()) value_name = fresh_name("");
  const auto id = static_cast<ValueId>(values_.size());
  if (!by_name_.emplace(value_name, id).second) {
    throw Error(ErrorKind::bad_input, "two values have the same name").tensor(value_name);
  }
  values_.push_back({std::move(value_name), std::move(type), {}, {}, {}});
  return id;
}

ValueId Graph::add_input(std::string input_name, DType dtype, SymbolicShape shape) {
  const ValueId id = add_value(std::move(input_name), {dtype, std::move(shape)});
  inputs.push_back(id);
  return id;
}

ValueId Graph::add_initializer(std::string initializer_name, Tensor tensor) {
  const ValueId id = add_value(std::move(initializer_name));
  set_initializer(id, std::move(tensor));
  return id;
}

ValueId Graph::add_node(std::string op_type, std::vector<ValueId> node_inputs, Attributes attributes,
                        std::string node_name, std::string domain) {
  const ValueId out = add_value(fresh_name(node_name.empty() ? op_type : node_name));
  Node node;
  node.op_type = std::move(op_type);
  node.domain = std::move(domain);
  node.name = std::move(node_name);
  node.inputs = std::move(node_inputs);
  node.outputs = {out};
  node.attributes = std::move(attributes);
  nodes.push_back(std::move(node));
  return out;
}

ValueId Graph::find(std::string_view value_name) const {
  const auto it = by_name_.find(std::string(value_name));
  return it == by_name_.end() ? kNoValue : it->second;
}

void Graph::rename(ValueId id, std::string new_name) {
  Value& v = value(id);
  if (v.name == new_name) return;
  if (!by_name_.emplace(new_name, id).second) {
    throw Error(ErrorKind::bad_input, "two values have the same name").tensor(new_name);
  }
  by_name_.erase(v.name);
  for (const Node& node : nodes) {
    for (const GraphPtr& body : subgraphs(node)) {
      const ValueId inner = body->find(v.name);
      const auto captured = body->captures();
      if (std::find(captured.begin(), captured.end(), inner) != captured.end()) body->rename(inner, new_name);
    }
  }
  v.name = std::move(new_name);
}

const Tensor* Graph::initializer(ValueId id) const {
  const auto it = initializers_.find(id);
  return it == initializers_.end() ? nullptr : &it->second;
}

void Graph::set_initializer(ValueId id, Tensor tensor) {
  value(id).type = {tensor.dtype(), symbolic(tensor.shape())};
  initializers_[id] = std::move(tensor);
}

void Graph::erase_initializer(ValueId id) { initializers_.erase(id); }

std::vector<ValueId> Graph::captures() const {
  std::vector<bool> local(values_.size(), false);
  for (const ValueId id : inputs) local[static_cast<std::size_t>(id)] = true;
  for (const auto& [id, tensor] : initializers_) local[static_cast<std::size_t>(id)] = true;
  for (const Node& node : nodes) {
    for (const ValueId id : node.outputs) {
      if (id != kNoValue) local[static_cast<std::size_t>(id)] = true;
    }
  }
  std::vector<bool> seen(values_.size(), false);
  std::vector<ValueId> out;
  const auto use = [&](ValueId id) {
    const auto i = static_cast<std::size_t>(id);
    if (id == kNoValue || local[i] || seen[i]) return;
    seen[i] = true;
    out.push_back(id);
  };
  for (const Node& node : nodes) {
    for (const ValueId id : node.inputs) use(id);
    for (const GraphPtr& body : subgraphs(node)) {
      for (const ValueId inner : body->captures()) use(find(body->value(inner).name));
    }
  }
  for (const ValueId id : outputs) use(id);
  return out;
}

int Graph::opset(const std::string& opset_domain) const {
  const auto it = opsets.find(opset_domain == "ai.onnx" ? "" : opset_domain);
  return it == opsets.end() ? 0 : it->second;
}

std::string Graph::label(const Node& node) const {
  if (!node.name.empty()) return node.name;
  return node.op_type + "_" + std::to_string(&node - nodes.data());
}

std::vector<GraphPtr> subgraphs(const Node& node) {
  std::vector<GraphPtr> out;
  for (const auto& [name, value] : node.attributes) {
    if (const GraphPtr* body = std::get_if<GraphPtr>(&value)) out.push_back(*body);
  }
  return out;
}

}  // namespace octet
