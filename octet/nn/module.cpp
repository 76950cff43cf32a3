#include "octet/nn/module.h"

#include <algorithm>
#include <set>

namespace octet::nn {

constexpr int kOpset = 17;

Value Module::operator()(const Value& x) { return (*this)(std::vector<Value>{x}).front(); }

std::vector<Value> Module::operator()(const std::vector<Value>& inputs) {
  if (inputs.empty()) throw Error(ErrorKind::usage, "a module is called without inputs").node(name_);
  const Builder::Scope scope(*inputs.front().builder, name_);
  return forward_all(inputs);
}

Value Module::forward(const Value&) {
  throw Error(ErrorKind::usage, "a module overrides neither forward nor forward_all").node(name_);
}

std::vector<Value> Module::forward_all(const std::vector<Value>& inputs) {
  if (inputs.size() == 1) return {forward(inputs.front())};
  throw Error(ErrorKind::usage, "the module takes one input").node(name_).value(std::to_string(inputs.size()));
}

void Module::add_parameter(const std::string& name, Tensor& tensor) { parameters_.emplace_back(name, &tensor); }
void Module::add_buffer(const std::string& name, Tensor& tensor) { buffers_.emplace_back(name, &tensor); }

void Module::add(const std::string& name, Module& child) {
  child.name_ = name;
  children_.emplace_back(name, &child);
}

void Module::collect(const std::string& prefix, bool buffers, Named& out) const {
  for (const auto& [name, tensor] : buffers ? buffers_ : parameters_) {
    if (tensor->defined()) out.emplace_back(prefix + name, *tensor);
  }
  for (const auto& [name, child] : children_) child->collect(prefix + name + ".", buffers, out);
}

Module::Named Module::named_parameters() const {
  Named out;
  collect("", false, out);
  return out;
}

Module::Named Module::named_buffers() const {
  Named out;
  collect("", true, out);
  return out;
}

Graph to_graph(Module& module, const std::vector<Input>& inputs, const std::string& name) {
  Graph graph;
  graph.name = name;
  graph.opsets[""] = kOpset;
  Builder builder(graph);
  for (const auto& [parameter, tensor] : module.named_parameters()) builder.name(tensor, parameter);
  for (const auto& [buffer, tensor] : module.named_buffers()) builder.name(tensor, buffer);
  std::vector<Value> values;
  for (const Input& input : inputs) values.push_back(builder.input(input.name, input.dtype, input.shape));
  const std::vector<Value> outputs = module(values);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const bool made_here = std::any_of(graph.nodes.begin(), graph.nodes.end(), [&](const Node& node) {
      return std::find(node.outputs.begin(), node.outputs.end(), outputs[i].id) != node.outputs.end();
    });
    const ValueId id = made_here ? outputs[i].id : builder.node("Identity", {outputs[i]}).id;
    graph.rename(id, graph.fresh_name(outputs.size() == 1 ? "output" : "output_" + std::to_string(i)));
    graph.outputs.push_back(id);
  }
  verify(graph);
  return graph;
}

Trainable to_trainable(Module& module, const std::vector<Input>& inputs, const std::string& name) {
  Trainable model = make_trainable(to_graph(module, inputs, name));
  model.parameters.clear();
  for (const auto& [parameter, tensor] : module.named_parameters()) {
    const ValueId id = model.graph.find(parameter);
    if (id == kNoValue || model.graph.initializer(id) == nullptr) {
      throw Error(ErrorKind::usage, "a module's parameter is not used: it would never be trained")
          .tensor(parameter)
          .hint("use it in forward, or do not register it");
    }
    model.parameters.push_back(parameter);
  }
  return model;
}

}  // namespace octet::nn
