#include "octet/nn/value.h"

namespace octet::nn {

Value Builder::input(const std::string& name, DType dtype, const SymbolicShape& shape) {
  return {this, graph_.add_input(name, dtype, shape)};
}

Value Builder::constant(Tensor tensor, const std::string& name) {
  const std::string full = scope_.empty() ? name : scope_ + "." + name;
  return {this, graph_.add_initializer(graph_.fresh_name(full), std::move(tensor))};
}

void Builder::name(const Tensor& tensor, const std::string& name) { names_[tensor.identity()] = name; }

Value Builder::parameter(const Tensor& tensor) {
  const auto known = used_.find(tensor.identity());
  if (known != used_.end()) return {this, known->second};
  const auto name = names_.find(tensor.identity());
  if (name == names_.end()) {
    throw Error(ErrorKind::usage, "a module uses a tensor that is none of its parameters")
        .node(scope_)
        .value(to_string(tensor.shape()))
        .hint("register it with add_parameter or add_buffer, and its module with add");
  }
  const ValueId id = graph_.add_initializer(name->second, tensor);
  used_[tensor.identity()] = id;
  return {this, id};
}

std::string Builder::fresh_node_name(const std::string& op) {
  const std::string base = scope_.empty() ? op : scope_;
  const int count = node_names_[base]++;
  return count == 0 ? base : base + "_" + op + "_" + std::to_string(count);
}

Value Builder::node(const std::string& op, const std::vector<Value>& inputs, Attributes attributes) {
  return nodes(op, inputs, 1, std::move(attributes)).front();
}

std::vector<Value> Builder::nodes(const std::string& op, const std::vector<Value>& inputs, int outputs,
                                  Attributes attributes) {
  Node node;
  node.op_type = op;
  node.name = fresh_node_name(op);
  node.attributes = std::move(attributes);
  for (const Value& input : inputs) node.inputs.push_back(input.id);
  while (!node.inputs.empty() && node.inputs.back() == kNoValue) node.inputs.pop_back();
  std::vector<Value> out;
  for (int i = 0; i < outputs; ++i) {
    node.outputs.push_back(graph_.add_value(graph_.fresh_name(node.name + ".out")));
    out.push_back({this, node.outputs.back()});
  }
  graph_.nodes.push_back(std::move(node));
  return out;
}

Builder::Scope::Scope(Builder& builder, const std::string& part) : builder_(builder), before_(builder.scope_.size()) {
  if (part.empty()) return;
  builder.scope_ += (builder.scope_.empty() ? "" : ".") + part;
}

Builder::Scope::~Scope() { builder_.scope_.resize(before_); }

Attributes attributes(std::vector<std::pair<std::string, AttributeValue>> items) {
  Attributes out;
  for (auto& [name, value] : items) out.set(std::move(name), std::move(value));
  return out;
}

namespace {

Value number(const Value& beside, float value) { return beside.builder->constant(Tensor::scalar(value)); }
Value binary(const char* op, const Value& a, const Value& b) { return a.builder->node(op, {a, b}); }

}  // namespace

Value operator+(const Value& a, const Value& b) { return binary("Add", a, b); }
Value operator-(const Value& a, const Value& b) { return binary("Sub", a, b); }
Value operator*(const Value& a, const Value& b) { return binary("Mul", a, b); }
Value operator/(const Value& a, const Value& b) { return binary("Div", a, b); }
Value operator-(const Value& a) { return a.builder->node("Neg", {a}); }
Value operator+(const Value& a, float b) { return a + number(a, b); }
Value operator-(const Value& a, float b) { return a - number(a, b); }
Value operator*(const Value& a, float b) { return a * number(a, b); }
Value operator/(const Value& a, float b) { return a / number(a, b); }
Value operator+(float a, const Value& b) { return number(b, a) + b; }
Value operator-(float a, const Value& b) { return number(b, a) - b; }
Value operator*(float a, const Value& b) { return number(b, a) * b; }
Value operator/(float a, const Value& b) { return number(b, a) / b; }

}  // namespace octet::nn
