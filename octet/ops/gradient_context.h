// What an operator's `gradient` sees: the node, the gradients of its outputs, and a graph to emit nodes into.
//
//   .gradient = [](GradientContext& ctx) {            // y = a * b, with broadcasting
//     const ValueId dy = ctx.output_gradient();
//     ctx.set_sum(0, ctx.emit("Mul", {dy, ctx.input(1)}));
//     ctx.set_sum(1, ctx.emit("Mul", {dy, ctx.input(0)}));
//   }
//
// The gradient of a value has the value's type and shape. Types and shapes are known as far as inference
// knows them, of emitted values too; a rule that needs more than is known throws unsupported.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "octet/graph/graph.h"

namespace octet {

class GradientContext {
 public:
  /// `node` reads and writes values of `graph`; `output_gradients` has one value an output (kNoValue: none);
  /// `wanted` tells of each input whether its gradient is of use.
  GradientContext(Graph& graph, const Node& node, std::vector<ValueId> output_gradients, std::vector<bool> wanted);

  const Node& node() const { return node_; }
  const Attributes& attributes() const { return node_.attributes; }
  Graph& graph() { return graph_; }
  int opset() const { return graph_.opset(node_.domain); }
  int input_count() const { return static_cast<int>(node_.inputs.size()); }
  int output_count() const { return static_cast<int>(node_.outputs.size()); }
  /// kNoValue where the input or output is left out.
  ValueId input(int i) const { return i < input_count() ? node_.inputs[static_cast<std::size_t>(i)] : kNoValue; }
  ValueId output(int i = 0) const { return i < output_count() ? node_.outputs[static_cast<std::size_t>(i)] : kNoValue; }
  bool has_input(int i) const { return input(i) != kNoValue; }
  /// kNoValue: nothing that the loss depends on reads that output.
  ValueId output_gradient(int i = 0) const;
  bool wants(int i) const { return i < input_count() && wanted_[static_cast<std::size_t>(i)]; }

  /// States the gradient of an input, of that input's shape. Ignored where the input is not wanted.
  void set(int i, ValueId gradient);
  /// The same for a gradient of a shape that the input broadcasts to: it is summed over what was repeated.
  void set_sum(int i, ValueId gradient);
  /// One value an input; kNoValue where none was stated.
  const std::vector<ValueId>& gradients() const { return gradients_; }

  /// Appends a node with one output, its type inferred, and returns the output.
  ValueId emit(const std::string& op, std::vector<ValueId> inputs, Attributes attributes = {}, std::string domain = {});
  /// An operator of the domain "octet".
  ValueId emit_own(const std::string& op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    return emit(op, std::move(inputs), std::move(attributes), "octet");
  }
  /// The same with one output for each entry of `outputs` that is true (kNoValue for the others).
  std::vector<ValueId> emit_outputs(const std::string& op, std::vector<ValueId> inputs,
                                    const std::vector<bool>& outputs, Attributes attributes = {},
                                    std::string domain = {});

  // What is known of a value.
  DType dtype(ValueId id) const { return graph_.value(id).type.dtype; }
  const std::optional<SymbolicShape>& shape(ValueId id) const { return graph_.value(id).type.shape; }
  /// Throws unsupported naming the node when inference does not know it.
  int rank(ValueId id) const;
  /// The constant of a value, or nullptr.
  const Tensor* constant(ValueId id) const { return id == kNoValue ? nullptr : graph_.initializer(id); }
  bool same_shape(ValueId a, ValueId b) const;

  // Values that rules are made of.
  /// A constant scalar of `like`'s type.
  ValueId scalar(double value, ValueId like);
  ValueId integers(const std::vector<std::int64_t>& values);
  /// The shape as an int64 vector: a constant where it is known.
  ValueId shape_of(ValueId id);
  ValueId add(ValueId a, ValueId b) { return emit("Add", {a, b}); }
  ValueId sub(ValueId a, ValueId b) { return emit("Sub", {a, b}); }
  ValueId mul(ValueId a, ValueId b) { return emit("Mul", {a, b}); }
  ValueId div(ValueId a, ValueId b) { return emit("Div", {a, b}); }
  ValueId neg(ValueId a) { return emit("Neg", {a}); }
  ValueId scaled(ValueId a, double factor) { return mul(a, scalar(factor, a)); }
  /// `value` summed over the dimensions along which `like` would be repeated.
  ValueId sum_to(ValueId value, ValueId like);
  ValueId expand_to(ValueId value, ValueId like);
  ValueId reshape(ValueId value, const std::vector<std::int64_t>& dims);
  ValueId reshape_to(ValueId value, ValueId like);
  ValueId transpose(ValueId value, const std::vector<std::int64_t>& permutation);
  /// The last two dimensions exchanged.
  ValueId transpose_matrix(ValueId value);
  ValueId reduce_sum(ValueId value, const std::vector<std::int64_t>& axes, bool keep);
  ValueId cast_to(ValueId value, DType dtype);
  /// cond as 0 or 1 of `like`'s type.
  ValueId mask(ValueId condition, ValueId like) { return cast_to(condition, dtype(like)); }
  ValueId zeros_like(ValueId like);

  /// An error that names the node.
  Error error(const std::string& message) const;

 private:
  void infer_last();

  Graph& graph_;
  Node node_;
  std::vector<ValueId> output_gradients_;
  std::vector<bool> wanted_;
  std::vector<ValueId> gradients_;
};

namespace ops {
// Rules that several operators share.
void gradient_identity(GradientContext& ctx);  ///< dx = dy
void gradient_reshape(GradientContext& ctx);   ///< dx = dy in the shape of input 0
}  // namespace ops

}  // namespace octet
