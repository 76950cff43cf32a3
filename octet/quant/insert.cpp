#include "octet/quant/insert.h"

#include <algorithm>
#include <cmath>

namespace octet::quant {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

class Inserter {
 public:
  Inserter(Graph& graph, const std::vector<Layer>& layers, const Placement& placement,
           const std::vector<Affine>& parameters, const InsertOptions& options, std::vector<std::string>& warnings)
      : graph_(graph),
        uses_(graph),
        layers_(layers),
        placement_(placement),
        parameters_(parameters),
        options_(options),
        weights_(graph, options.weight, warnings),
        group_scale_(parameters.size(), kNoValue),
        group_zero_point_(parameters.size(), kNoValue) {
    weights_.round_by(options.rounder);
  }

  void run() {
    for (const Layer& layer : layers_) quantize_layer(layer);
    for (const auto& [id, group] : placement_.group) {
      if (graph_.initializer(id) != nullptr) {
        read_constant(id, group);
      } else {
        read_value(id, group);
      }
    }
    rewire();
    remove_dead(graph_);
    sort_topologically(graph_);
  }

 private:
  Node& node(int i) { return graph_.nodes[at(i)]; }

  // Weight and bias of one layer. An int32 bias counts in steps of input scale * weight scale.
  void quantize_layer(const Layer& layer) {
    const float input_scale = parameters_[at(placement_.group.at(layer.input))].scale;
    const Tensor* bias = layer.bias == kNoValue ? nullptr : graph_.initializer(layer.bias);
    const bool integer_bias = !options_.float_bias && bias != nullptr && bias->dtype() == DType::f32 &&
                              bias->elements() == layer.channels && bias->rank() == 1 && plain_gemm(node(layer.node));
    if (integer_bias) require_finite(*bias, graph_.value(layer.bias).name);
    const std::vector<float> least =
        least_scales(integer_bias ? bias->values<float>() : std::span<const float>{}, layer.channels, input_scale);
    const auto decided = options_.given.find(layer.node);
    const auto written = weights_.write(layer.weight, options_.per_channel ? layer.channel_axis : -1, least,
                                        decided == options_.given.end() ? std::vector<Affine>{} : decided->second);
    replace_input(layer.node, layer.weight, written.dequantized);
    if (integer_bias) replace_input(layer.node, layer.bias, write_bias(layer, input_scale, written.scales));
  }
  static bool plain_gemm(const Node& n) {
    return n.op_type != "Gemm" || (n.attributes.real("alpha", 1) == 1 && n.attributes.real("beta", 1) == 1);
  }
  // Weight scales below these would need more than 2^30 steps for a bias (sums need the rest of int32), or
  // would give a product with the input's scale that is no normal number, which no runtime takes as a scale.
  std::vector<float> least_scales(std::span<const float> bias, std::int64_t channels, float input_scale) const {
    std::vector<float> out(at(channels), 0x1p-125F / input_scale);
    for (std::size_t c = 0; c < bias.size(); ++c) out[c] = std::max(out[c], std::abs(bias[c]) / 0x1p30F / input_scale);
    if (!options_.per_channel) return {*std::max_element(out.begin(), out.end())};
    return out;
  }
  ValueId write_bias(const Layer& layer, float input_scale, const std::vector<float>& weight_scale) {
    const Tensor& bias = *graph_.initializer(layer.bias);
    const std::string name = graph_.value(layer.bias).name;
    Tensor values(DType::i32, bias.shape()), scale(DType::f32, bias.shape());
    for (std::int64_t c = 0; c < layer.channels; ++c) {
      const float step = input_scale * weight_scale[weight_scale.size() == 1 ? 0 : at(c)];
      scale.data<float>()[c] = step;
      values.data<std::int32_t>()[c] = static_cast<std::int32_t>(
          std::clamp(std::nearbyint(double{bias.data<float>()[c]} / double{step}), -0x1p31, 0x1p31 - 1));
    }
    const ValueId q = graph_.add_initializer(graph_.fresh_name(name + "_int32"), std::move(values));
    const ValueId s = graph_.add_initializer(graph_.fresh_name(name + "_scale"), std::move(scale));
    const ValueId z =
        graph_.add_initializer(graph_.fresh_name(name + "_zero_point"), Tensor::zeros(DType::i32, bias.shape()));
    Attributes attributes;
    attributes.set("axis", std::int64_t{0});
    return dequantize(q, s, z, attributes, graph_.fresh_name(name + "_dequantized"));
  }

  ValueId dequantize(ValueId q, ValueId scale, ValueId zero_point, Attributes attributes, const std::string& name) {
    const ValueId out = graph_.add_node("DequantizeLinear", {q, scale, zero_point}, std::move(attributes), name);
    graph_.value(out).type = {DType::f32, graph_.value(q).type.shape};
    return out;
  }
  void replace_input(int n, ValueId from, ValueId to) {
    for (ValueId& id : node(n).inputs) {
      if (id == from) id = to;
    }
  }

  // The parameters of a group, as constants named after its first value.
  void group_constants(int group, ValueId named_after) {
    if (group_scale_[at(group)] != kNoValue) return;
    const std::string name = graph_.value(named_after).name;
    const Affine affine = parameters_[at(group)];
    const bool u8 = options_.activation.dtype == DType::u8;
    group_scale_[at(group)] = graph_.add_initializer(graph_.fresh_name(name + "_scale"), Tensor::scalar(affine.scale));
    group_zero_point_[at(group)] = graph_.add_initializer(
        graph_.fresh_name(name + "_zero_point"), u8 ? Tensor::scalar(static_cast<std::uint8_t>(affine.zero_point))
                                                    : Tensor::scalar(static_cast<std::int8_t>(affine.zero_point)));
  }

  void read_constant(ValueId id, int group) {
    group_constants(group, id);
    const Tensor& constant = *graph_.initializer(id);
    const Affine affine = parameters_[at(group)];
    Tensor q(options_.activation.dtype, constant.shape());
    for (std::int64_t i = 0; i < constant.elements(); ++i) {
      const std::int32_t value = quantize_one(constant.data<float>()[i], affine, options_.activation);
      if (q.dtype() == DType::u8) q.data<std::uint8_t>()[i] = static_cast<std::uint8_t>(value);
      if (q.dtype() == DType::i8) q.data<std::int8_t>()[i] = static_cast<std::int8_t>(value);
    }
    const std::string name = graph_.value(id).name;
    const ValueId stored = graph_.add_initializer(graph_.fresh_name(name + "_int8"), std::move(q));
    const ValueId out = dequantize(stored, group_scale_[at(group)], group_zero_point_[at(group)], {},
                                   graph_.fresh_name(name + "_dequantized"));
    for (const int reader : uses_.readers(id)) {
      if (placement_.reads_int8(graph_, reader, id)) pending_.push_back({reader, id, out});
    }
  }

  // Readers in int8 take the pair. Others take the float value where there is one, that is, where the
  // producer computes in float.
  void read_value(ValueId id, int group) {
    group_constants(group, id);
    const std::string name = graph_.value(id).name;
    const ValueId q = graph_.add_node("QuantizeLinear", {id, group_scale_[at(group)], group_zero_point_[at(group)]}, {},
                                      graph_.fresh_name(name + "_quantized"));
    graph_.value(q).type = {options_.activation.dtype, graph_.value(id).type.shape};
    const ValueId out = dequantize(q, group_scale_[at(group)], group_zero_point_[at(group)], {},
                                   graph_.fresh_name(name + "_dequantized"));
    const int producer = uses_.producer(id);
    if (producer >= 0 && placement_.int8[at(producer)]) {
      replaced_[id] = out;
      quantizers_.emplace_back(q, id);
      return;
    }
    for (const int reader : uses_.readers(id)) {
      if (placement_.reads_int8(graph_, reader, id)) pending_.push_back({reader, id, out});
    }
  }

  void rewire() {
    for (const auto& [reader, from, to] : pending_) replace_data_input(reader, from, to);
    replace_uses(graph_, replaced_);
    for (Node& n : graph_.nodes) {  // their own quantizers still read the float values
      if (n.op_type != "QuantizeLinear") continue;
      for (const auto& [q, id] : quantizers_) {
        if (n.outputs[0] == q) n.inputs[0] = id;
      }
    }
  }
  void replace_data_input(int reader, ValueId from, ValueId to) {
    const OpDef* op = find_op(graph_, node(reader));
    const bool first_only =
        op->quant.kind == QuantRule::Kind::pass_through || op->quant.kind == QuantRule::Kind::lookup;
    for (ValueId& id : node(reader).inputs) {
      if (id == from) id = to;
      if (first_only) break;
    }
  }

  struct Pending {
    int reader;
    ValueId from, to;
  };

  Graph& graph_;
  Uses uses_;
  const std::vector<Layer>& layers_;
  const Placement& placement_;
  const std::vector<Affine>& parameters_;
  const InsertOptions& options_;
  WeightWriter weights_;
  std::vector<ValueId> group_scale_, group_zero_point_;
  std::vector<Pending> pending_;
  std::map<ValueId, ValueId> replaced_;
  std::vector<std::pair<ValueId, ValueId>> quantizers_;
};

}  // namespace

void insert_pairs(Graph& graph, const std::vector<Layer>& layers, const Placement& placement,
                  const std::vector<Affine>& parameters, const InsertOptions& options,
                  std::vector<std::string>& warnings) {
  Inserter(graph, layers, placement, parameters, options, warnings).run();
}

}  // namespace octet::quant
