#include "octet/quant/rounding/layer_inputs.h"

#include <algorithm>

#include "octet/ops/conv.h"

namespace octet::quant {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// Positions 0 .. all - 1, `count` of them spread evenly.
struct Spread {
  std::int64_t all = 0, count = 0;
  Spread(std::int64_t all_, std::int64_t most) : all(all_), count(std::min(all_, most)) {}
  std::int64_t operator[](std::int64_t i) const { return i * all / count; }
};

// The patches that a convolution multiplies, at some of its output positions: out [C / group * taps][count] of one
// group.
void gather_patches(const Tensor& x, const ops::ConvShape& shape, std::int64_t group, const Spread& spread,
                    std::vector<float>& out) {
  const ops::Window& window = shape.window;
  const std::int64_t taps = window.taps(), positions = window.positions(), plane = window.input_elements();
  const std::int64_t channels = shape.channels / shape.group;
  out.assign(at(channels * taps * spread.count), 0.0F);
  std::vector<std::int64_t> offsets(at(taps));
  for (std::int64_t i = 0; i < spread.count; ++i) {
    ops::tap_offsets(window, spread[i] % positions, offsets.data(), 1);
    const float* image = x.data<float>() + (spread[i] / positions * shape.channels + group * channels) * plane;
    for (std::int64_t c = 0; c < channels; ++c) {
      for (std::int64_t t = 0; t < taps; ++t) {
        if (offsets[at(t)] >= 0) out[at((c * taps + t) * spread.count + i)] = image[c * plane + offsets[at(t)]];
      }
    }
  }
}

// Rows of a matrix [.., k], or its columns where it is read transposed: out [k][count].
void gather_rows(const Tensor& x, bool transposed, std::int64_t k, const Spread& spread, std::vector<float>& out) {
  out.resize(at(k * spread.count));
  for (std::int64_t i = 0; i < spread.count; ++i) {
    const float* row = x.data<float>() + (transposed ? spread[i] : spread[i] * k);
    for (std::int64_t j = 0; j < k; ++j) out[at(j * spread.count + i)] = row[transposed ? j * spread.all : j];
  }
}

}  // namespace

std::optional<WeightRows> weight_rows(const Graph& graph, const Node& node, const Shape& weight) {
  if (node.op_type == "Conv" && weight.rank() >= 3) {
    const std::int64_t group = node.attributes.integer("group", 1);
    if (group < 1 || weight[0] % group != 0) return {};
    return WeightRows{group, weight[0] / group, weight.elements(1, weight.rank()), false};
  }
  if ((node.op_type == "Gemm" || node.op_type == "MatMul") && weight.rank() == 2) {
    const bool columns = weight_channel_axis(graph, node) == 1;
    return WeightRows{1, weight[columns ? 1 : 0], weight[columns ? 0 : 1], columns};
  }
  return {};
}

LayerInputs::LayerInputs(const Graph& graph, const std::vector<Layer>& layers, ThreadPool& threads)
    : graph_(graph), threads_(threads) {
  for (const Layer& layer : layers) {
    const Tensor* weight = graph.initializer(layer.weight);
    const Node& node = graph.nodes[at(layer.node)];
    if (weight == nullptr || weight->dtype() != DType::f32 || weight->elements() == 0) continue;
    const auto form = weight_rows(graph, node, weight->shape());
    if (!form) continue;
    Weight& entry = weights_[layer.weight];
    if (entry.moments.empty()) {
      entry.form = *form;
      for (std::int64_t g = 0; g < form->groups; ++g) entry.moments.emplace_back(form->k);
    }
    layers_.push_back(layer);
    auto value = std::find(values_.begin(), values_.end(), layer.input);
    if (value == values_.end()) value = values_.insert(value, layer.input);
    value_of_layer_.push_back(at(value - values_.begin()));
  }
}

void LayerInputs::add(const std::vector<Tensor>& tensors, std::int64_t most) {
  std::vector<float> x;
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const Tensor& input = tensors[value_of_layer_[i]];
    if (input.dtype() != DType::f32 || input.elements() == 0) continue;
    const Node& node = graph_.nodes[at(layers_[i].node)];
    Weight& weight = weights_.at(layers_[i].weight);
    if (node.op_type == "Conv") {
      const ops::ConvShape shape = ops::conv_shape(node.attributes, symbolic(input.shape()),
                                                   symbolic(graph_.initializer(layers_[i].weight)->shape()));
      const Spread spread(input.dim(0) * shape.window.positions(), most);
      for (std::int64_t g = 0; g < weight.form.groups && spread.count > 0; ++g) {
        gather_patches(input, shape, g, spread, x);
        weight.moments[at(g)].add(x.data(), spread.count, threads_);
      }
    } else {
      const bool transposed = node.op_type == "Gemm" && node.attributes.integer("transA", 0) != 0;
      const Spread spread(input.elements() / weight.form.k, most);
      gather_rows(input, transposed, weight.form.k, spread, x);
      weight.moments[0].add(x.data(), spread.count, threads_);
    }
  }
}

std::optional<Tensor> LayerInputs::round(ValueId weight, std::span<const float> scales, const Scheme& scheme) const {
  const auto found = weights_.find(weight);
  if (found == weights_.end()) return {};
  const auto& [form, moments] = found->second;
  const std::int64_t all_rows = form.groups * form.rows;
  if (scales.size() != 1 && scales.size() != at(all_rows)) return {};
  const Tensor& source = *graph_.initializer(weight);
  std::vector<float> rows(source.values<float>().begin(), source.values<float>().end());
  const auto turn = [&](const auto* from, auto* to, std::int64_t outer, std::int64_t inner) {
    for (std::int64_t o = 0; o < outer; ++o) {
      for (std::int64_t i = 0; i < inner; ++i) to[i * outer + o] = from[o * inner + i];
    }
  };
  if (form.columns) turn(source.data<float>(), rows.data(), form.k, all_rows);
  std::vector<float> scale_of_row(at(all_rows), scales[0]);
  if (scales.size() > 1) std::copy(scales.begin(), scales.end(), scale_of_row.begin());
  std::vector<std::int8_t> q(rows.size());
  for (std::int64_t g = 0; g < form.groups; ++g) {
    round_compensated(moments[at(g)], rows.data() + g * form.rows * form.k,
                      std::span(scale_of_row).subspan(at(g * form.rows), at(form.rows)), scheme.qmax,
                      q.data() + g * form.rows * form.k, threads_);
  }
  Tensor out(DType::i8, source.shape());
  if (form.columns) {
    turn(q.data(), out.data<std::int8_t>(), all_rows, form.k);
  } else {
    std::copy(q.begin(), q.end(), out.data<std::int8_t>());
  }
  return out;
}

}  // namespace octet::quant
