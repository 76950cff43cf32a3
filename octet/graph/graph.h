// Graph: the one representation of a network. Files are read into it and written from it; every
// method of quantization is a rewrite of it; the runtime lowers it.
//
//   Graph g;
//   ValueId x = g.add_input("x", DType::f32, {Dim("N"), 3});
//   ValueId w = g.add_initializer("w", Tensor::from<float>({3, 2}, {...}));
//   ValueId y = g.add_node("MatMul", {x, w});
//   g.outputs.push_back(y);
//
// Values are edges (tensors with a name), nodes are operators. Each value has at most one producer.
// Nodes are kept in an order in which every node comes after those it reads (the verifier checks it).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "octet/tensor/tensor.h"

namespace octet {

class Graph;

/// A dimension: a number, a symbol ("batch"), or unknown (neither).
struct Dim {
  std::int64_t value = -1;
  std::string symbol;

  Dim() = default;
  Dim(std::int64_t v) : value(v) {}  // NOLINT(google-explicit-constructor)
  explicit Dim(std::string name) : symbol(std::move(name)) {}
  bool known() const { return value >= 0; }
  bool operator==(const Dim&) const = default;
};
using SymbolicShape = std::vector<Dim>;

/// "Nx3x224x224"; unknown dimensions are "?".
std::string to_string(const SymbolicShape& shape);
/// The numbers, if every dimension is known.
std::optional<Shape> static_shape(const SymbolicShape& shape);
SymbolicShape symbolic(const Shape& shape);

struct TypeInfo {
  DType dtype = DType::undefined;      ///< undefined: not known
  std::optional<SymbolicShape> shape;  ///< nothing: rank not known
};

using ValueId = std::int32_t;
inline constexpr ValueId kNoValue = -1;  ///< an optional input or output left out

struct Value {
  std::string name;
  TypeInfo type;
  std::string doc;
  /// What a file says of the value, and of the constant it holds, that Octet does not look into
  /// (serialized protobuf fields, kept as they are).
  std::string unknown_fields, tensor_unknown_fields;
};

using GraphPtr = std::shared_ptr<Graph>;
using AttributeValue = std::variant<std::int64_t, float, std::string, Tensor, GraphPtr, std::vector<std::int64_t>,
                                    std::vector<float>, std::vector<std::string>>;

/// Named attributes in the order of the file. The typed getters throw bad_input (naming the
/// attribute) when the type is another or a required one is missing.
class Attributes {
 public:
  bool has(std::string_view name) const { return find(name) != nullptr; }
  const AttributeValue* find(std::string_view name) const;
  void set(std::string name, AttributeValue value);
  void erase(std::string_view name);

  std::int64_t integer(std::string_view name) const;
  std::int64_t integer(std::string_view name, std::int64_t fallback) const;
  float real(std::string_view name, float fallback) const;
  std::string text(std::string_view name, const std::string& fallback) const;
  std::vector<std::int64_t> integers(std::string_view name, const std::vector<std::int64_t>& fallback = {}) const;
  std::vector<float> reals(std::string_view name, const std::vector<float>& fallback = {}) const;
  const Tensor& tensor(std::string_view name) const;
  const Graph& graph(std::string_view name) const;

  auto begin() const { return items_.begin(); }
  auto end() const { return items_.end(); }
  auto begin() { return items_.begin(); }
  auto end() { return items_.end(); }
  std::size_t size() const { return items_.size(); }

 private:
  std::vector<std::pair<std::string, AttributeValue>> items_;
};

struct Node {
  std::string op_type;
  std::string domain;  ///< "" is ONNX's default domain; ours is "octet"
  std::string name;    ///< may be empty in a file; Graph::label() always gives something to show
  std::vector<ValueId> inputs, outputs;
  Attributes attributes;
  std::string doc;
  std::string unknown_fields;  ///< serialized protobuf fields that Octet does not know, kept as they are
};

/// The fields of a model file that no rewrite looks at but writing must keep.
struct ModelInfo {
  std::int64_t ir_version = 8;
  std::string producer_name = "octet", producer_version, domain, doc;
  std::int64_t model_version = 0;
  std::vector<std::pair<std::string, std::string>> metadata;
  std::string unknown_fields, graph_unknown_fields;

  std::string* find_metadata(std::string_view key);
  const std::string* find_metadata(std::string_view key) const;
  void set_metadata(const std::string& key, std::string value);
};

class Graph {
 public:
  std::string name, doc;
  std::vector<Node> nodes;
  std::vector<ValueId> inputs, outputs;
  std::map<std::string, int> opsets;  ///< domain -> version; "" is ONNX's
  ModelInfo info;

  /// A new value; an empty name is replaced by a fresh one, a name in use throws bad_input.
  ValueId add_value(std::string value_name = {}, TypeInfo type = {});
  ValueId add_input(std::string name, DType dtype, SymbolicShape shape);
  ValueId add_initializer(std::string name, Tensor tensor);
  /// Appends a node with one fresh output (named after `name` if given) and returns that output.
  ValueId add_node(std::string op_type, std::vector<ValueId> inputs, Attributes attributes = {}, std::string name = {},
                   std::string domain = {});

  const Value& value(ValueId id) const { return values_[static_cast<std::size_t>(id)]; }
  Value& value(ValueId id) { return values_[static_cast<std::size_t>(id)]; }
  std::size_t value_count() const { return values_.size(); }
  /// kNoValue if there is none of that name.
  ValueId find(std::string_view name) const;
  /// Throws bad_input if the name is in use.
  void rename(ValueId id, std::string name);
  /// A name that no value has: `base`, or `base_1`, `base_2`, ...
  std::string fresh_name(const std::string& base) const;

  /// The constant that a value holds, or nullptr.
  const Tensor* initializer(ValueId id) const;
  void set_initializer(ValueId id, Tensor tensor);
  void erase_initializer(ValueId id);
  const std::map<ValueId, Tensor>& initializers() const { return initializers_; }

  /// Values of an enclosing graph that a subgraph reads: a value here (no producer, not an input,
  /// no initializer) of the same name as one outside.
  std::vector<ValueId> captures() const;

  int opset(const std::string& domain = {}) const;  ///< 0 if not imported
  /// The node's name, or "Conv_12" (operator and position) if it has none.
  std::string label(const Node& node) const;

 private:
  std::vector<Value> values_;
  std::unordered_map<std::string, ValueId> by_name_;
  std::map<ValueId, Tensor> initializers_;
};

/// Who makes and who reads each value of a graph, subgraph captures included; valid until the graph
/// is changed.
class Uses {
 public:
  explicit Uses(const Graph& graph);
  /// Index of the producing node, or -1.
  int producer(ValueId id) const { return producer_[static_cast<std::size_t>(id)]; }
  /// Indices of the nodes that read the value (one entry for each input slot).
  const std::vector<int>& readers(ValueId id) const { return readers_[static_cast<std::size_t>(id)]; }
  bool is_output(ValueId id) const { return is_output_[static_cast<std::size_t>(id)]; }
  /// Exactly one reader, and not an output of the graph.
  bool single(ValueId id) const { return !is_output(id) && readers(id).size() == 1; }

 private:
  std::vector<int> producer_;
  std::vector<std::vector<int>> readers_;
  std::vector<bool> is_output_;
};

/// Deep copy of structure; tensors stay shared (tied weights stay tied).
Graph clone(const Graph& graph);
/// Orders nodes so that each follows what it reads, otherwise keeping their order. Linear, no
/// recursion. A cycle throws bad_input with the chain of nodes.
void sort_topologically(Graph& graph);
/// Removes nodes marked in `dead` (by index), in one pass.
void erase_nodes(Graph& graph, const std::vector<bool>& dead);
/// Removes nodes and initializers that no output depends on; returns how many nodes went.
int remove_dead(Graph& graph);
/// Every reader of a key (subgraph captures and graph outputs included) reads its value instead, all
/// in one pass; chains are followed. If the key is an output of the graph, the replacement takes over
/// its name (through an Identity node where the replacement is itself an input, a constant or an output).
void replace_uses(Graph& graph, const std::map<ValueId, ValueId>& replacements);
inline void replace_uses(Graph& graph, ValueId from, ValueId to) { replace_uses(graph, {{from, to}}); }
/// The subgraphs of a node (attributes that hold a graph), in attribute order.
std::vector<GraphPtr> subgraphs(const Node& node);
/// Structure: every input has a source, names are unique, single producers, order, subgraphs.
/// Throws bad_input naming node and tensor.
void verify(const Graph& graph);

/// One line a node; `parse_graph(print_graph(g))` gives an equal graph back.
std::string print_graph(const Graph& graph);
Graph parse_graph(std::string_view text);

}  // namespace octet
