// Module: a network, or a part of one, that holds parameters and writes itself into a graph.
//
//   struct Net : nn::Module {
//     nn::Linear fc1, fc2;
//     explicit Net(Random& random) : fc1(3, 3, random), fc2(3, 2, random) { add("fc1", fc1), add("fc2", fc2); }
//     nn::Value forward(const nn::Value& x) override { return fc2(nn::relu(fc1(x))); }
//   };
//   Random random(42);
//   Net net(random);
//   Graph graph = nn::to_graph(net, {{"x", DType::f32, {Dim("N"), 3}}});
//
// forward() runs once, to build; the graph's initializers share their data with the module's tensors, under dotted
// names ("fc1.weight"). Names, layouts, initial values and their order of drawing are torch's.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "octet/autograd/trainable.h"
#include "octet/nn/value.h"

namespace octet::nn {

class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// Writes the module's nodes; the way to call one module from another's forward.
  Value operator()(const Value& x);
  std::vector<Value> operator()(const std::vector<Value>& inputs);

  using Named = std::vector<std::pair<std::string, Tensor>>;
  /// What is trained, and what is not (running statistics), depth first in the order of registration. They share
  /// their data with the module.
  Named named_parameters() const;
  Named named_buffers() const;

 protected:
  /// One input, one output. Override this or the general form.
  virtual Value forward(const Value& x);
  virtual std::vector<Value> forward_all(const std::vector<Value>& inputs);

  /// Names a tensor or a part; to be called in the constructor, for members that live as long as the module.
  void add_parameter(const std::string& name, Tensor& tensor);
  void add_buffer(const std::string& name, Tensor& tensor);
  void add(const std::string& name, Module& child);

 private:
  void collect(const std::string& prefix, bool buffers, Named& out) const;

  std::string name_;  ///< within its parent
  std::vector<std::pair<std::string, Tensor*>> parameters_, buffers_;
  std::vector<std::pair<std::string, Module*>> children_;
};

struct Input {
  std::string name;
  DType dtype = DType::f32;
  SymbolicShape shape;
};

/// The network in the form for inference (Dropout passes through, batch norms use their running statistics). Outputs
/// are named "output", or "output_0", "output_1", ... Throws usage where forward asks for what is not registered.
Graph to_graph(Module& module, const std::vector<Input>& inputs, const std::string& name = "network");
/// The same made ready for training: the module's parameters are the parameters, and share their data. Running
/// statistics are states. Throws usage for a parameter that forward does not use.
Trainable to_trainable(Module& module, const std::vector<Input>& inputs, const std::string& name = "network");

}  // namespace octet::nn
