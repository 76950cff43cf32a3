// Edit: what one rewrite does to a graph, collected and then applied in one pass, so that looking
// (who produces, who reads) stays valid and cheap while matching.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "octet/graph/graph.h"

namespace octet::rewrite {

class Edit {
 public:
  explicit Edit(Graph& graph) : graph_(graph), uses_(graph), dead_(graph.nodes.size(), false) {}

  Graph& graph() { return graph_; }
  const Graph& graph() const { return graph_; }
  const Uses& uses() const { return uses_; }
  int node_count() const { return static_cast<int>(dead_.size()); }
  Node& node(int index) { return graph_.nodes[static_cast<std::size_t>(index)]; }
  const Node& node(int index) const { return graph_.nodes[static_cast<std::size_t>(index)]; }
  /// The node is of ONNX's domain (or `domain`), of that type, and not yet replaced.
  bool is(int index, std::string_view op_type, std::string_view domain = "") const;
  /// Index of the producer of a value if it is(op_type), else -1.
  int producer(ValueId id, std::string_view op_type) const;
  /// The only reader of a value if it is(op_type) and the value is no output of the graph, else -1.
  int only_reader(ValueId id, std::string_view op_type) const;
  /// The input of a two-input node that is not `id` (kNoValue if neither or both are).
  ValueId other_input(int index, ValueId id) const;

  const Tensor* constant(ValueId id) const { return id == kNoValue ? nullptr : graph_.initializer(id); }
  /// The number in a constant of one element.
  std::optional<double> scalar(ValueId id) const;
  /// True when the value is a constant of one element close to `number` (relative 1e-4).
  bool is_scalar(ValueId id, double number) const;
  /// A shape with every dimension known, if it is.
  std::optional<Shape> shape(ValueId id) const;
  int rank(ValueId id) const;  ///< -1 when not known

  void remove(int index) { dead_[static_cast<std::size_t>(index)] = true; }
  /// The value `from` is computed by a new node; its old producer goes.
  void produce(ValueId from, std::string op_type, std::vector<ValueId> inputs, Attributes attributes = {},
               const std::string& name = {}, const std::string& domain = {});
  /// A new node makes the new value `output` (not counted: part of a larger change).
  void produce_new(ValueId output, std::string op_type, std::vector<ValueId> inputs, Attributes attributes = {},
                   const std::string& domain = {});
  /// Readers of `from` read `to`.
  void replace(ValueId from, ValueId to) { replaced_[from] = to; }
  void count() { ++count_; }
  /// "" if the graph's opset has the operator in ONNX's domain, else "octet" (which is imported).
  std::string domain_for(const std::string& op_type);

  /// Applies everything and returns how many places were rewritten.
  int finish();

 private:
  Graph& graph_;
  Uses uses_;
  std::vector<bool> dead_;
  /// New nodes by the index of the old one in whose place they stand: results that nothing waits for must not move to
  /// the end, where they would keep what they read alive.
  std::map<int, std::vector<Node>> added_;
  std::vector<Node> parts_;  ///< made by produce_new; they stand before the next node that is produced
  std::map<ValueId, ValueId> replaced_;
  int count_ = 0;
};

}  // namespace octet::rewrite
