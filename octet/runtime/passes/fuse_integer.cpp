// DynamicQuantizeLinear -> MatMulInteger or ConvInteger by constant weights -> Cast -> Mul by both scales
// (-> Add of a bias) -> DynamicLinear or DynamicConv with per_tensor 1.
#include <algorithm>

#include "octet/runtime/passes/chain.h"
#include "octet/runtime/passes/passes.h"

namespace octet::runtime {
namespace {

// The pieces of one such pattern; x is the float input of DynamicQuantizeLinear.
struct Pattern {
  ValueId x = kNoValue, weights = kNoValue, scale = kNoValue;
  int cast = -1, mul = -1;
};

bool is_zero(const Edit& edit, const Node& node, std::size_t slot) {
  if (slot >= node.inputs.size() || node.inputs[slot] == kNoValue) return true;
  const Tensor* zero = edit.constant(node.inputs[slot]);
  if (zero == nullptr) return false;
  const auto values = zero->to_int64();
  return std::all_of(values.begin(), values.end(), [](std::int64_t z) { return z == 0; });
}

// The constant that a value multiplies the scale of `quantize` with: value = x_scale * constant, either order.
ValueId weight_scale(const Edit& edit, ValueId value, int quantize) {
  const ValueId x_scale = edit.node(quantize).outputs[1];
  const int mul = edit.producer(value, "Mul");
  const ValueId other = mul < 0 ? kNoValue : edit.other_input(mul, x_scale);
  const Tensor* scale = edit.constant(other);
  return scale != nullptr && scale->dtype() == DType::f32 ? other : kNoValue;
}

std::optional<Pattern> match(const Edit& edit, int i) {
  const Node& node = edit.node(i);
  const int quantize = edit.producer(node.inputs[0], "DynamicQuantizeLinear");
  const Tensor* weights = edit.constant(node.inputs[1]);
  if (quantize < 0 || weights == nullptr || weights->dtype() != DType::i8 || !is_zero(edit, node, 3))
    return std::nullopt;
  if (node.inputs.size() < 3 || node.inputs[2] != edit.node(quantize).outputs[2]) return std::nullopt;
  Pattern p{.x = edit.node(quantize).inputs[0], .weights = node.inputs[1]};
  p.cast = edit.only_reader(node.outputs[0], "Cast");
  if (p.cast < 0 || edit.graph().value(edit.node(p.cast).outputs[0]).type.dtype != DType::f32) return std::nullopt;
  const ValueId real = edit.node(p.cast).outputs[0];
  p.mul = edit.only_reader(real, "Mul");
  if (p.mul < 0) return std::nullopt;
  p.scale = weight_scale(edit, edit.other_input(p.mul, real), quantize);
  return p.scale == kNoValue ? std::nullopt : std::optional(p);
}

// A constant vector over the channels as the kernels take it; kNoValue where it is none.
ValueId channel_vector(Edit& edit, ValueId id, std::int64_t channels) {
  const Tensor* tensor = edit.constant(id);
  if (tensor == nullptr || tensor->dtype() != DType::f32) return kNoValue;
  if (tensor->elements() != channels && tensor->elements() != 1) return kNoValue;
  if (tensor->rank() == 1) return id;
  return add_constant(edit.graph(), edit.graph().value(id).name + "_flat", tensor->reshaped({tensor->elements()}));
}

// The bias added after the multiplication, with channels along the right axis of an output of that rank.
ValueId bias_after(Edit& edit, ValueId sum, std::int64_t channels, bool conv, int* add) {
  *add = edit.only_reader(sum, "Add");
  const Tensor* bias = *add < 0 ? nullptr : edit.constant(edit.other_input(*add, sum));
  if (bias == nullptr || bias->elements() != channels || bias->rank() == 0) return kNoValue;
  const int axis = conv ? bias->rank() - (edit.rank(sum) - 1) : bias->rank() - 1;
  if (axis < 0 || bias->dim(axis) != channels) return kNoValue;
  return channel_vector(edit, edit.other_input(*add, sum), channels);
}

void fuse_pattern(Edit& edit, int i, const Pattern& p) {
  const bool conv = edit.is(i, "ConvInteger");
  const Tensor& weights = *edit.constant(p.weights);
  if (conv ? weights.rank() != 3 && weights.rank() != 4 : weights.rank() != 2 || edit.rank(p.x) < 2) return;
  const std::int64_t channels = weights.dim(conv ? 0 : 1);
  const ValueId scale = channel_vector(edit, p.scale, channels);
  if (scale == kNoValue) return;
  int last = p.mul, add = -1;
  const ValueId bias = bias_after(edit, edit.node(p.mul).outputs[0], channels, conv, &add);
  if (bias != kNoValue) last = add;
  Chain chain = follow(edit, last, false);
  chain.nodes.insert(chain.nodes.end(), {p.cast, p.mul});
  if (bias != kNoValue) chain.nodes.push_back(add);
  Attributes attributes;
  if (conv) attributes = edit.node(i).attributes;
  if (conv) attributes.set("channels_last", std::int64_t{0});
  attributes.set("per_tensor", std::int64_t{1});
  fuse(edit, i, chain, conv ? "DynamicConv" : "DynamicLinear", {p.x, p.weights, scale, bias}, std::move(attributes));
}

}  // namespace

int fuse_integer(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!edit.is(i, "MatMulInteger") && !edit.is(i, "ConvInteger")) continue;
    if (const auto pattern = match(edit, i)) fuse_pattern(edit, i, *pattern);
  }
  return edit.finish();
}

}  // namespace octet::runtime
