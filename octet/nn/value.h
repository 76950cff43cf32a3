// nn::Value: a handle on an edge of a graph that is being built, so that networks are written as ordinary code.
//
//   nn::Value y = relu(x * scale + shift) + x;
//
// Operators broadcast as numpy does. A number on one side becomes a constant of the graph.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "octet/graph/graph.h"

namespace octet::nn {

class Builder;

struct Value {
  Builder* builder = nullptr;
  ValueId id = kNoValue;
};

/// Builds one graph. Modules ask it for their parameters, by the tensor that they hold.
class Builder {
 public:
  explicit Builder(Graph& graph) : graph_(graph) {}

  Graph& graph() { return graph_; }
  Value input(const std::string& name, DType dtype, const SymbolicShape& shape);
  Value constant(Tensor tensor, const std::string& name = "constant");
  /// Makes a tensor known under the name that its initializer shall have.
  void name(const Tensor& tensor, const std::string& name);
  /// The initializer that shares the tensor's data, added at its first use. Throws usage for one that was not named.
  Value parameter(const Tensor& tensor);
  /// A node's only (or first) output; inputs without id are left out.
  Value node(const std::string& op, const std::vector<Value>& inputs, Attributes attributes = {});
  std::vector<Value> nodes(const std::string& op, const std::vector<Value>& inputs, int outputs,
                           Attributes attributes = {});

  /// While a module's code runs its nodes are named after it.
  class Scope {
   public:
    Scope(Builder& builder, const std::string& part);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Builder& builder_;
    std::size_t before_;
  };

 private:
  std::string fresh_node_name(const std::string& op);

  Graph& graph_;
  std::string scope_;
  std::map<std::string, int> node_names_;
  std::map<const void*, std::string> names_;
  std::map<const void*, ValueId> used_;
};

/// The attribute list {{"axis", 1}, ...} written short.
Attributes attributes(std::vector<std::pair<std::string, AttributeValue>> items);

Value operator+(const Value& a, const Value& b);
Value operator-(const Value& a, const Value& b);
Value operator*(const Value& a, const Value& b);
Value operator/(const Value& a, const Value& b);
Value operator-(const Value& a);
Value operator+(const Value& a, float b);
Value operator-(const Value& a, float b);
Value operator*(const Value& a, float b);
Value operator/(const Value& a, float b);
Value operator+(float a, const Value& b);
Value operator-(float a, const Value& b);
Value operator*(float a, const Value& b);
Value operator/(float a, const Value& b);

}  // namespace octet::nn
