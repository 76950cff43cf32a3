#include "octet/rewrite/scale_weights.h"

namespace octet::rewrite {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

bool transposed(const Node& node) { return node.op_type == "Gemm" && node.attributes.integer("transB", 0) != 0; }

// The output channel that element `flat` of the weight belongs to.
std::int64_t channel_of(const Node& node, const Shape& w, std::int64_t flat) {
  const std::int64_t inner = w.elements() / w[0];
  if (node.op_type == "Conv" || transposed(node)) return flat / inner;
  if (node.op_type == "Gemm") return flat % w[1];
  // ConvTranspose: [C, M / group, ...]; input channel c belongs to group c / (C / group).
  const std::int64_t group = node.attributes.integer("group", 1);
  const std::int64_t spatial = inner / w[1], c = flat / inner, m = flat / spatial % w[1];
  return c / (w[0] / group) * w[1] + m;
}

}  // namespace

int scalable_producer(const Edit& edit, ValueId output) {
  if (!edit.uses().single(output)) return -1;
  const int index = edit.uses().producer(output);
  const bool conv = edit.is(index, "Conv") || edit.is(index, "ConvTranspose");
  if (!conv && !edit.is(index, "Gemm")) return -1;
  const Node& node = edit.node(index);
  if (!conv && (node.attributes.real("alpha", 1) != 1 || node.attributes.real("beta", 1) != 1)) return -1;
  const Tensor* weight = edit.constant(node.inputs[1]);
  if (weight == nullptr || weight->dtype() != DType::f32) return -1;
  if (node.inputs.size() < 3 || node.inputs[2] == kNoValue) return index;
  const Tensor* bias = edit.constant(node.inputs[2]);
  return bias != nullptr && bias->elements() == output_channels(edit, index) ? index : -1;
}

std::int64_t output_channels(const Edit& edit, int index) {
  const Node& node = edit.node(index);
  const Shape& w = edit.constant(node.inputs[1])->shape();
  if (node.op_type == "ConvTranspose") return w[1] * node.attributes.integer("group", 1);
  return node.op_type == "Conv" || transposed(node) ? w[0] : w[1];
}

void scale_weights(Edit& edit, int index, const std::vector<double>& factor, const std::vector<double>& shift,
                   ValueId output) {
  Node& node = edit.node(index);
  Graph& graph = edit.graph();
  Tensor weight = edit.constant(node.inputs[1])->clone();
  for (std::int64_t i = 0; i < weight.elements(); ++i) {
    float& w = weight.data<float>()[i];
    w = static_cast<float>(w * factor[at(channel_of(node, weight.shape(), i))]);
  }
  const std::int64_t channels = output_channels(edit, index);
  Tensor bias = Tensor::zeros(DType::f32, {channels});
  const Tensor* old = node.inputs.size() > 2 ? edit.constant(node.inputs[2]) : nullptr;
  for (std::int64_t c = 0; c < channels; ++c) {
    const double before = old != nullptr ? old->data<float>()[c] : 0;
    bias.data<float>()[c] = static_cast<float>(before * factor[at(c)] + shift[at(c)]);
  }
  const std::string name = graph.value(node.inputs[1]).name;
  const ValueId w = graph.add_initializer(graph.fresh_name(name + "_folded"), weight);
  const ValueId b = graph.add_initializer(graph.fresh_name(name + "_folded_bias"), bias);
  node.inputs = {node.inputs[0], w, b};
  node.outputs = {output};
}

std::vector<double> per_channel(const Tensor& constant, int rank, std::int64_t channels) {
  if (!is_float(constant.dtype())) return {};
  const std::vector<double> values = constant.to_double();
  if (values.size() == 1 && constant.rank() <= rank) return std::vector<double>(at(channels), values[0]);
  // Counted from the right: only the channel axis may be other than 1.
  const int channel_axis = constant.rank() - (rank - 1);
  if (channel_axis < 0 || constant.elements() != channels || constant.rank() > rank) return {};
  return constant.dim(channel_axis) == channels ? values : std::vector<double>{};
}

}  // namespace octet::rewrite
