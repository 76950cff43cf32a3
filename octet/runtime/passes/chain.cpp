#include "octet/runtime/passes/chain.h"

#include <algorithm>
#include <limits>

#include "octet/kernels/math/gelu_curve.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {
namespace {

// A limit of Clip: attribute before opset 11, constant input from then on. Nothing if not constant.
std::optional<float> clip_limit(const Edit& edit, const Node& node, const char* name, std::size_t slot,
                                float fallback) {
  if (edit.graph().opset() < 11) return node.attributes.real(name, fallback);
  if (slot >= node.inputs.size() || node.inputs[slot] == kNoValue) return fallback;
  const auto given = edit.scalar(node.inputs[slot]);
  return given ? std::optional(static_cast<float>(*given)) : std::nullopt;
}

// The operand that Add joins to `id`, when it has the shape of the sum.
ValueId residual_of(const Edit& edit, int add, ValueId id) {
  const ValueId other = edit.other_input(add, id);
  if (other == kNoValue || edit.constant(other) != nullptr) return kNoValue;
  const auto shape = edit.shape(id), other_shape = edit.shape(other);
  if (!shape || !other_shape || !(*shape == *other_shape)) return kNoValue;
  return edit.graph().value(other).type.dtype == DType::f32 ? other : kNoValue;
}

bool take_residual(const Edit& edit, Chain& chain, bool quantized) {
  if (chain.residual != kNoValue || chain.activation) return false;
  const int add = edit.only_reader(chain.output, "Add");
  const ValueId other = add < 0 ? kNoValue : residual_of(edit, add, chain.output);
  if (other == kNoValue) return false;
  const auto bytes = quantized ? dequantized(edit, other) : std::nullopt;
  chain.residual = bytes ? bytes->bytes : other;
  if (bytes) chain.residual_params = bytes->params;
  chain.last = add;
  return true;
}

bool take_activation(const Edit& edit, Chain& chain) {
  if (chain.activation || !edit.uses().single(chain.output)) return false;
  const int reader = edit.uses().readers(chain.output).front();
  if (edit.node(reader).inputs[0] != chain.output) return false;
  chain.activation = fused_activation(edit, reader);
  if (!chain.activation) return false;
  chain.last = reader;
  return true;
}

// Mul or Add of the chain's output and one constant number.
std::optional<float> take_number(const Edit& edit, Chain& chain, const char* op) {
  const int reader = edit.only_reader(chain.output, op);
  const ValueId other = reader < 0 ? kNoValue : edit.other_input(reader, chain.output);
  if (other == kNoValue || edit.graph().value(other).type.dtype != DType::f32) return std::nullopt;
  const Tensor* constant = edit.constant(other);
  if (constant == nullptr || constant->elements() != 1 || constant->rank() > edit.rank(chain.output)) {
    return std::nullopt;
  }
  chain.last = reader;
  return constant->values<float>()[0];
}

// Gelu before a quantizer whose steps are coarser by far than what the kernels' curve is off by.
bool take_gelu(const Edit& edit, Chain& chain) {
  if (chain.activation || chain.residual != kNoValue || !edit.uses().single(chain.output)) return false;
  const int reader = edit.uses().readers(chain.output).front();
  if (!edit.is(reader, "Gelu") && !edit.is(reader, "Gelu", "octet")) return false;
  const Node& node = edit.node(reader);
  const auto q = quantizer(edit, node.outputs[0]);
  if (!q || q->params.scale < kernels::kGeluCurveLeastStep || node.attributes.text("approximate", "none") != "none")
    return false;
  chain.activation = FusedActivation{"gelu"};
  chain.last = reader;
  return true;
}

Chain begin(const Edit& edit, int first) {
  Chain chain;
  chain.output = edit.node(first).outputs[0];
  chain.last = first;
  return chain;
}

// Goes past the node that was just taken.
void advance(const Edit& edit, Chain& chain) {
  chain.nodes.push_back(chain.last);
  chain.output = edit.node(chain.last).outputs[0];
}

void take_quantizer(const Edit& edit, Chain& chain) {
  const auto q = quantizer(edit, chain.output);
  if (!q) return;
  chain.last = q->node;
  chain.output_params = q->params;
  advance(edit, chain);
}

}  // namespace

std::optional<FusedActivation> fused_activation(const Edit& edit, int index) {
  const Node& node = edit.node(index);
  if (node.inputs.empty() || node.inputs[0] == kNoValue) return std::nullopt;
  if (edit.graph().value(node.inputs[0]).type.dtype != DType::f32) return std::nullopt;
  constexpr float kMax = std::numeric_limits<float>::max();
  if (edit.is(index, "Relu")) return FusedActivation{"relu"};
  if (edit.is(index, "LeakyRelu")) return FusedActivation{"leaky_relu", node.attributes.real("alpha", 0.01f)};
  if (edit.is(index, "HardSigmoid")) {
    return FusedActivation{"hard_sigmoid", node.attributes.real("alpha", 0.2f), node.attributes.real("beta", 0.5f)};
  }
  if (edit.is(index, "HardSwish") || edit.is(index, "HardSwish", "octet")) {
    return FusedActivation{"hard_swish", 1.0f / 6.0f, 0.5f};
  }
  if (!edit.is(index, "Clip")) return std::nullopt;
  const auto low = clip_limit(edit, node, "min", 1, -kMax), high = clip_limit(edit, node, "max", 2, kMax);
  if (!low || !high) return std::nullopt;
  return FusedActivation{"clamp", *low, *high};
}

Chain follow(const Edit& edit, int first, bool quantized) {
  Chain chain = begin(edit, first);
  if (take_residual(edit, chain, quantized)) advance(edit, chain);
  if (take_activation(edit, chain)) advance(edit, chain);
  if (quantized && take_gelu(edit, chain)) advance(edit, chain);
  chain.after_scale = take_number(edit, chain, "Mul");
  if (chain.after_scale) advance(edit, chain);
  chain.after_shift = take_number(edit, chain, "Add");
  if (chain.after_shift) advance(edit, chain);
  if (quantized) take_quantizer(edit, chain);
  return chain;
}

Chain follow_sum(const Edit& edit, int first) {
  Chain chain = begin(edit, first);
  if (take_residual(edit, chain, false)) advance(edit, chain);
  if (take_activation(edit, chain)) advance(edit, chain);
  return chain;
}

Chain follow_activation(const Edit& edit, int first) {
  Chain chain = begin(edit, first);
  if (take_activation(edit, chain)) advance(edit, chain);
  take_quantizer(edit, chain);
  return chain;
}

void fuse(Edit& edit, int first, const Chain& chain, const std::string& op_type, std::vector<ValueId> inputs,
          Attributes attributes) {
  if (chain.activation) {
    attributes.set("activation", chain.activation->name);
    attributes.set("alpha", chain.activation->alpha);
    attributes.set("beta", chain.activation->beta);
  }
  if (chain.after_scale) attributes.set("after_scale", *chain.after_scale);
  if (chain.after_shift) attributes.set("after_shift", *chain.after_shift);
  const auto set_params = [&](const char* prefix, const TensorParams& params) {
    attributes.set(std::string(prefix) + "_scale", params.scale);
    attributes.set(std::string(prefix) + "_zero", params.zero_point);
  };
  if (chain.residual != kNoValue) inputs.push_back(chain.residual);
  if (chain.residual_params) set_params("r", *chain.residual_params);
  if (chain.output_params) set_params("y", *chain.output_params);
  while (!inputs.empty() && inputs.back() == kNoValue) inputs.pop_back();
  const std::string name = edit.node(first).name;
  for (const int node : chain.nodes) edit.remove(node);
  edit.remove(first);
  edit.produce(chain.output, op_type, std::move(inputs), std::move(attributes), name, kDomain);
}

}  // namespace octet::runtime
