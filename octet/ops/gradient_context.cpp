#include "octet/ops/gradient_context.h"

#include <numeric>

#include "octet/ops/op.h"

namespace octet {
namespace {

std::size_t at(int i) { return static_cast<std::size_t>(i); }

// A dimension that is the same wherever it is written the same.
bool certain(const Dim& dim) { return dim.known() || !dim.symbol.empty(); }

}  // namespace

GradientContext::GradientContext(Graph& graph, const Node& node, std::vector<ValueId> output_gradients,
                                 std::vector<bool> wanted)
    : graph_(graph),
      node_(node),
      output_gradients_(std::move(output_gradients)),
      wanted_(std::move(wanted)),
      gradients_(node.inputs.size(), kNoValue) {}

ValueId GradientContext::output_gradient(int i) const {
  return i < static_cast<int>(output_gradients_.size()) ? output_gradients_[at(i)] : kNoValue;
}

void GradientContext::set(int i, ValueId gradient) {
  if (!wants(i)) return;
  gradients_[at(i)] = gradients_[at(i)] == kNoValue ? gradient : add(gradients_[at(i)], gradient);
}

void GradientContext::set_sum(int i, ValueId gradient) {
  if (wants(i)) set(i, sum_to(gradient, input(i)));
}

ValueId GradientContext::emit(const std::string& op, std::vector<ValueId> inputs, Attributes attributes,
                              std::string domain) {
  return emit_outputs(op, std::move(inputs), {true}, std::move(attributes), std::move(domain))[0];
}

std::vector<ValueId> GradientContext::emit_outputs(const std::string& op, std::vector<ValueId> inputs,
                                                   const std::vector<bool>& outputs, Attributes attributes,
                                                   std::string domain) {
  Node node;
  node.op_type = op;
  node.domain = std::move(domain);
  // Older graphs lack some operators that gradients are made of; ours has them at every opset.
  if (node.domain.empty() && ops::find(op, "", graph_.opset()) == nullptr) node.domain = "octet";
  if (!node.domain.empty()) graph_.opsets.emplace(node.domain, 1);
  node.inputs = std::move(inputs);
  while (!node.inputs.empty() && node.inputs.back() == kNoValue) node.inputs.pop_back();
  node.attributes = std::move(attributes);
  for (const bool wanted : outputs) node.outputs.push_back(wanted ? graph_.add_value() : kNoValue);
  graph_.nodes.push_back(std::move(node));
  infer_last();
  return graph_.nodes.back().outputs;
}

void GradientContext::infer_last() {
  const Node& node = graph_.nodes.back();
  const OpDef& op = ops::require(graph_, node);
  std::vector<Known> inputs;
  for (const ValueId id : node.inputs) {
    Known known;
    if (id != kNoValue) {
      known.type = graph_.value(id).type;
      if (const Tensor* tensor = graph_.initializer(id)) known.constant = *tensor;
    }
    inputs.push_back(std::move(known));
  }
  InferContext ctx(node, graph_.opset(node.domain), std::move(inputs));
  op.infer(ctx);
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] != kNoValue) graph_.value(node.outputs[i]).type = ctx.outputs()[i].type;
  }
}

int GradientContext::rank(ValueId id) const {
  if (shape(id)) return static_cast<int>(shape(id)->size());
  throw error("the gradient needs the rank of a tensor that shape inference does not know")
      .tensor(graph_.value(id).name)
      .hint("give the shapes of the network's inputs");
}

bool GradientContext::same_shape(ValueId a, ValueId b) const {
  const auto &sa = shape(a), &sb = shape(b);
  if (!sa || !sb || sa->size() != sb->size()) return false;
  for (std::size_t i = 0; i < sa->size(); ++i) {
    if (!certain((*sa)[i]) || !((*sa)[i] == (*sb)[i])) return false;
  }
  return true;
}

ValueId GradientContext::scalar(double value, ValueId like) {
  return graph_.add_initializer({}, Tensor::scalar(value).cast(dtype(like)));
}

ValueId GradientContext::integers(const std::vector<std::int64_t>& values) {
  const Shape shape{static_cast<std::int64_t>(values.size())};
  return graph_.add_initializer({}, Tensor::from<std::int64_t>(shape, std::span<const std::int64_t>(values)));
}

ValueId GradientContext::shape_of(ValueId id) {
  const auto known = shape(id) ? static_shape(*shape(id)) : std::nullopt;
  if (!known) return emit("Shape", {id});
  return integers({known->begin(), known->end()});
}

ValueId GradientContext::sum_to(ValueId value, ValueId like) {
  return same_shape(value, like) ? value : emit_own("SumTo", {value, shape_of(like)});
}

ValueId GradientContext::expand_to(ValueId value, ValueId like) {
  return same_shape(value, like) ? value : emit("Expand", {value, shape_of(like)});
}

ValueId GradientContext::reshape(ValueId value, const std::vector<std::int64_t>& dims) {
  return emit("Reshape", {value, integers(dims)});
}

ValueId GradientContext::reshape_to(ValueId value, ValueId like) {
  if (same_shape(value, like)) return value;
  const auto known = shape(like) ? static_shape(*shape(like)) : std::nullopt;
  if (known && known->elements() == 0) return zeros_like(like);  // Reshape reads a 0 as "as it was"
  return emit("Reshape", {value, shape_of(like)});
}

ValueId GradientContext::transpose(ValueId value, const std::vector<std::int64_t>& permutation) {
  Attributes attributes;
  attributes.set("perm", permutation);
  return emit("Transpose", {value}, std::move(attributes));
}

ValueId GradientContext::transpose_matrix(ValueId value) {
  std::vector<std::int64_t> permutation(at(rank(value)));
  std::iota(permutation.begin(), permutation.end(), 0);
  std::swap(permutation[permutation.size() - 1], permutation[permutation.size() - 2]);
  return transpose(value, permutation);
}

ValueId GradientContext::reduce_sum(ValueId value, const std::vector<std::int64_t>& axes, bool keep) {
  constexpr int kAxesAreInput = 13;
  Attributes attributes;
  attributes.set("keepdims", std::int64_t{keep});
  if (graph_.opset() >= kAxesAreInput) return emit("ReduceSum", {value, integers(axes)}, std::move(attributes));
  attributes.set("axes", axes);
  return emit("ReduceSum", {value}, std::move(attributes));
}

ValueId GradientContext::cast_to(ValueId value, DType dtype) {
  if (this->dtype(value) == dtype) return value;
  Attributes attributes;
  attributes.set("to", static_cast<std::int64_t>(dtype));
  return emit("Cast", {value}, std::move(attributes));
}

ValueId GradientContext::zeros_like(ValueId like) {
  const auto known = shape(like) ? static_shape(*shape(like)) : std::nullopt;
  if (known) return graph_.add_initializer({}, Tensor::zeros(dtype(like), *known));
  return emit("Expand", {scalar(0, like), shape_of(like)});
}

Error GradientContext::error(const std::string& message) const {
  return Error(ErrorKind::unsupported, message).node(graph_.label(node_));
}

namespace ops {

void gradient_identity(GradientContext& ctx) { ctx.set(0, ctx.output_gradient()); }

void gradient_reshape(GradientContext& ctx) { ctx.set(0, ctx.reshape_to(ctx.output_gradient(), ctx.input(0))); }

}  // namespace ops
}  // namespace octet
