// What an operator's shape rule sees: types and (partly known) shapes of the inputs.
#pragma once

#include <optional>
#include <vector>

#include "octet/graph/graph.h"

namespace octet {

/// What is known of a value while shapes are inferred.
struct Known {
  TypeInfo type;
  Tensor constant;                        ///< defined when the whole value is known
  std::optional<SymbolicShape> elements;  ///< a small integer tensor known element by element, symbols
                                          ///< included: what Shape gives and Reshape takes
};

class InferContext {
 public:
  InferContext(const Node& node, int opset, std::vector<Known> inputs)
      : node_(node), opset_(opset), inputs_(std::move(inputs)), outputs_(node.outputs.size()) {}

  const Node& node() const { return node_; }
  const Attributes& attributes() const { return node_.attributes; }
  int opset() const { return opset_; }

  int input_count() const { return static_cast<int>(inputs_.size()); }
  int output_count() const { return static_cast<int>(outputs_.size()); }
  /// False when the optional input is left out.
  bool has_input(int i) const;
  DType dtype(int i) const { return known(i).type.dtype; }
  bool has_shape(int i) const { return has_input(i) && known(i).type.shape.has_value(); }
  /// Only where has_shape(i); throws internal otherwise.
  const SymbolicShape& shape(int i) const;
  int rank(int i) const { return static_cast<int>(shape(i).size()); }
  /// The constant of an input, or nullptr.
  const Tensor* constant(int i) const;
  /// Integer values of a shape-like input, as far as known: from a constant or followed through
  /// Shape, Gather, Concat, ... An unknown element is Dim().
  std::optional<SymbolicShape> elements(int i) const;

  void set_output(int i, DType dtype) { outputs_[static_cast<std::size_t>(i)].type = {dtype, std::nullopt}; }
  void set_output(int i, DType dtype, SymbolicShape shape) {
    outputs_[static_cast<std::size_t>(i)].type = {dtype, std::move(shape)};
  }
  /// States the elements of a small integer output.
  void set_elements(int i, SymbolicShape elements) {
    outputs_[static_cast<std::size_t>(i)].elements = std::move(elements);
  }
  const std::vector<Known>& outputs() const { return outputs_; }

  /// Types of what a subgraph attribute gives, its captured values known. Set by infer_shapes.
  std::function<std::vector<TypeInfo>(const Graph& body, const std::vector<TypeInfo>& inputs)> infer_subgraph;

 private:
  const Known& known(int i) const { return inputs_[static_cast<std::size_t>(i)]; }

  const Node& node_;
  int opset_;
  std::vector<Known> inputs_, outputs_;
};

/// Broadcast of partly known shapes; throws bad_input when two known dimensions conflict.
SymbolicShape broadcast(const SymbolicShape& a, const SymbolicShape& b);
/// Shape rules that many operators share.
void infer_same_as_input(InferContext& ctx);  ///< output 0 = type and shape of input 0
void infer_broadcast(InferContext& ctx);      ///< output 0 = dtype of input 0, all inputs broadcast
/// Axes as an attribute (before `input_since`) or as input `slot` (from then on); nothing: not given
/// or not constant (then *unknown is set).
std::optional<std::vector<std::int64_t>> infer_axes(const InferContext& ctx, int slot, int input_since, bool* unknown);

}  // namespace octet
