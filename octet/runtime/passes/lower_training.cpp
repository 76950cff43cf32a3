// Training steps: batch norms with the residual and ReLU around them, and gradients of convolutions, pools and biases,
// become the runtime's, which work on channels-last images. Nodes are changed where they stand: what is lowered must
// not move, for gradients that nobody waits for would keep what they read alive.
#include <algorithm>

#include "octet/runtime/passes/chain.h"
#include "octet/runtime/passes/passes.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {
namespace {

constexpr const char* kOwn = "octet";
using Ints = std::vector<std::int64_t>;

bool is_image(const Edit& edit, ValueId id) {
  return id != kNoValue && edit.shape(id) && edit.graph().value(id).type.dtype == DType::f32 && edit.rank(id) >= 3 &&
         edit.rank(id) <= 4;
}

Ints dims_of(const Edit& edit, ValueId id) {
  const Shape shape = *edit.shape(id);
  return {shape.begin(), shape.end()};
}

void become(Edit& edit, int i, const char* op, std::vector<ValueId> inputs, std::vector<ValueId> outputs,
            Attributes attributes) {
  while (!inputs.empty() && inputs.back() == kNoValue) inputs.pop_back();
  Node& node = edit.node(i);
  node.op_type = op;
  node.domain = kDomain;
  node.inputs = std::move(inputs);
  node.outputs = std::move(outputs);
  node.attributes = std::move(attributes);
  node.attributes.set("channels_last", std::int64_t{0});
  edit.count();
}

ValueId at(const std::vector<ValueId>& ids, std::size_t i) { return i < ids.size() ? ids[i] : kNoValue; }

// BatchNormTraining, the Add of a residual, and Relu.
void lower_norm(Edit& edit, int i) {
  const Node& node = edit.node(i);
  if (!is_image(edit, node.inputs[0])) return;
  Chain chain = follow_sum(edit, i);
  if (chain.activation && chain.activation->name != "relu") {
    chain = Chain{};
    chain.output = node.outputs[0];
  }
  Attributes attributes = node.attributes;
  if (chain.activation) attributes.set("activation", std::string("relu"));
  std::vector<ValueId> inputs = node.inputs, outputs = node.outputs;
  inputs.push_back(chain.residual);
  outputs[0] = chain.output;
  for (const int other : chain.nodes) edit.remove(other);
  become(edit, i, "BatchNormForward", std::move(inputs), std::move(outputs), std::move(attributes));
}

// BatchNormGrad, and the ReluGrad before it: the first norm that reads it computes it on the way.
void lower_norm_gradient(Edit& edit, int i) {
  const Node& node = edit.node(i);
  const bool statistics = at(node.inputs, 3) != kNoValue && at(node.inputs, 4) != kNoValue;
  if (!is_image(edit, node.inputs[0]) || !statistics || at(node.outputs, 0) == kNoValue) return;
  ValueId dy = node.inputs[2], y = kNoValue, dz = kNoValue;
  const int relu = edit.uses().producer(dy);
  if (relu >= 0 && edit.is(relu, "ReluGrad", kOwn) && edit.node(relu).inputs[0] != edit.node(relu).inputs[1]) {
    if (!edit.uses().single(dy)) dz = dy;
    y = edit.node(relu).inputs[0];
    dy = edit.node(relu).inputs[1];
    edit.remove(relu);
  }
  std::vector<ValueId> inputs{node.inputs[0], node.inputs[1], dy, node.inputs[3], node.inputs[4], y};
  std::vector<ValueId> outputs{node.outputs[0], dz, at(node.outputs, 1), at(node.outputs, 2)};
  become(edit, i, "BatchNormBackward", std::move(inputs), std::move(outputs), node.attributes);
}

// ConvGradInput, and the Add of the gradient that comes around the convolution.
void lower_input_gradient(Edit& edit, int i) {
  const Node& node = edit.node(i);
  const ValueId dx = node.outputs[0];
  if (!is_image(edit, node.inputs[0]) || !is_image(edit, dx) || !edit.shape(node.inputs[1])) return;
  Attributes attributes = node.attributes;
  attributes.set("x_shape", dims_of(edit, dx));
  const Chain chain = follow_sum(edit, i);
  ValueId residual = kNoValue, sum = dx;
  if (chain.residual != kNoValue && !chain.activation) {
    residual = chain.residual;
    sum = chain.output;
    for (const int other : chain.nodes) edit.remove(other);
  }
  become(edit, i, "ConvGradInput", {node.inputs[0], node.inputs[1], residual}, {sum}, std::move(attributes));
}

void lower_weight_gradient(Edit& edit, int i) {
  const Node& node = edit.node(i);
  const ValueId dw = node.outputs[0];
  if (!is_image(edit, node.inputs[0]) || !is_image(edit, node.inputs[1]) || !edit.shape(dw)) return;
  Attributes attributes = node.attributes;
  attributes.set("w_shape", dims_of(edit, dw));
  become(edit, i, "ConvGradWeight", {node.inputs[0], node.inputs[1]}, {dw}, std::move(attributes));
}

void lower_pool_gradient(Edit& edit, int i, bool max) {
  const Node& node = edit.node(i);
  const ValueId dx = node.outputs[0];
  if (!is_image(edit, node.inputs[0]) || !is_image(edit, dx)) return;
  Attributes attributes = node.attributes;
  attributes.erase("storage_order");
  if (max) return become(edit, i, "MaxPoolGrad", {node.inputs[0], node.inputs[1]}, {dx}, std::move(attributes));
  attributes.set("x_shape", dims_of(edit, dx));
  become(edit, i, "AveragePoolGrad", {node.inputs[0]}, {dx}, std::move(attributes));
}

// The gradient of GlobalAveragePool: [N, C, 1, ...] to [N, C, D1, ...].
void lower_mean_gradient(Edit& edit, int i) {
  const Node& node = edit.node(i);
  const ValueId dy = node.inputs[0], dx = node.outputs[0];
  if (!is_image(edit, dy) || !is_image(edit, dx)) return;
  const Ints from = dims_of(edit, dy), to = dims_of(edit, dx);
  for (std::size_t d = 0; d < to.size(); ++d) {
    if (from[d] != (d < 2 ? to[d] : 1)) return;
  }
  Attributes attributes;
  attributes.set("x_shape", to);
  attributes.set("global", std::int64_t{1});
  become(edit, i, "AveragePoolGrad", {dy}, {dx}, std::move(attributes));
}

// ReduceSum over everything but the channels of what is an image.
void lower_bias_gradient(Edit& edit, int i) {
  const Node& node = edit.node(i);
  const ValueId x = node.inputs[0];
  if (!is_image(edit, x) || node.attributes.integer("keepdims", 1) != 0) return;
  const Tensor* given = node.inputs.size() > 1 ? edit.constant(node.inputs[1]) : nullptr;
  Ints axes = given != nullptr ? given->to_int64() : node.attributes.integers("axes");
  const int rank = edit.rank(x);
  Ints wanted{0};
  for (int axis = 2; axis < rank; ++axis) wanted.push_back(axis);
  for (std::int64_t& axis : axes) axis = axis < 0 ? axis + rank : axis;
  if (axes != wanted) return;
  // A sum that is no gradient of a convolution's bias would turn its input for nothing.
  const std::vector<int>& readers = edit.uses().readers(x);
  const bool image = std::any_of(readers.begin(), readers.end(), [&](int reader) {
    return edit.node(reader).op_type == "ConvGradWeight" || edit.node(reader).op_type == "ConvGradInput";
  });
  if (!image) return;
  // Behind a norm, it comes with the norm's own sums.
  const int norm = edit.uses().producer(x);
  if (norm >= 0 && edit.is(norm, "BatchNormBackward", kDomain) && edit.node(norm).outputs[0] == x) {
    edit.node(norm).outputs.push_back(node.outputs[0]);
    edit.remove(i);
    edit.count();
    return;
  }
  become(edit, i, "ChannelSum", {x}, {node.outputs[0]}, {});
}

}  // namespace

int lower_training(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (edit.is(i, "BatchNormTraining", kOwn)) lower_norm(edit, i);
    if (edit.is(i, "BatchNormGrad", kOwn)) lower_norm_gradient(edit, i);
    if (edit.is(i, "ConvGradInput", kOwn)) lower_input_gradient(edit, i);
    if (edit.is(i, "ConvGradWeight", kOwn)) lower_weight_gradient(edit, i);
    if (edit.is(i, "MaxPoolGrad", kOwn)) lower_pool_gradient(edit, i, true);
    if (edit.is(i, "AveragePoolGrad", kOwn)) lower_pool_gradient(edit, i, false);
    if (edit.is(i, "MeanGrad", kOwn)) lower_mean_gradient(edit, i);
    if (edit.is(i, "ReduceSum")) lower_bias_gradient(edit, i);
  }
  return edit.finish();
}

}  // namespace octet::runtime
