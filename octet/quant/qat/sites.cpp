#include "octet/quant/qat/sites.h"

#include <algorithm>
#include <cmath>

#include "octet/quant/layers.h"
#include "octet/quant/qat/plan.h"
#include "octet/quant/weights.h"

namespace octet::quant {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

int axis_of(const Node& node) {
  return node.attributes.has("axis") ? static_cast<int>(node.attributes.integer("axis")) : -1;
}

// Whether a value goes into the weight slot of a layer, perhaps through the division by a batch norm's factor; gives
// the layer, or -1.
int weight_reader(const Graph& graph, const Uses& uses, ValueId y) {
  for (const int reader : uses.readers(y)) {
    const Node& node = graph.nodes[at(reader)];
    if (node.op_type == "Div" && node.inputs[0] == y) return weight_reader(graph, uses, node.outputs[0]);
    const OpDef* op = find_op(graph, node);
    if (op == nullptr || op->quant.kind != QuantRule::Kind::weighted) continue;
    const int slot = op->quant.weight;
    if (slot < static_cast<int>(node.inputs.size()) && node.inputs[at(slot)] == y) return reader;
  }
  return -1;
}

FakeQuantSite read_site(const Graph& graph, const Uses& uses, int index) {
  const Node& node = graph.nodes[at(index)];
  FakeQuantSite site;
  site.nodes = {index};
  site.axis = axis_of(node);
  site.weight = weight_reader(graph, uses, node.outputs[0]) >= 0;
  const auto slot = [&](std::size_t i) { return i < node.inputs.size() ? node.inputs[i] : kNoValue; };
  const auto named_after = [&](ValueId id) {
    const std::string& name = graph.value(id).name;
    return name.substr(0, name.rfind('/'));
  };
  if (node.op_type == "ObservedFakeQuant") {
    site.rule = ops::range_rule(node.attributes);
    site.current = node.attributes.real("averaging_constant", 0) >= 1;
    site.min = slot(1);
    site.max = slot(2);
    if (slot(3) != kNoValue) site.clipped = {slot(3)};
    site.name = named_after(site.min);
    return site;
  }
  site.learned = node.attributes.integer("learned", 0) != 0;
  site.clipped = {slot(4)};
  const int producer = uses.producer(slot(1));
  if (site.learned) {
    const Node& scale = graph.nodes[at(producer)];
    site.rule = ops::range_rule(node.attributes);
    site.scale_start = scale.inputs[0];
    site.scale = scale.inputs[1];
    site.zero_point = slot(2);
    site.name = named_after(site.scale);
    return site;
  }
  if (producer >= 0) {  // RangeParams of a MovingRange
    const Node& params = graph.nodes[at(producer)];
    const Node& range = graph.nodes[at(uses.producer(params.inputs[0]))];
    site.rule = ops::range_rule(params.attributes);
    site.min = range.inputs[0];
    site.max = range.inputs[1];
    site.name = named_after(site.min);
    return site;
  }
  throw Error(ErrorKind::bad_input, "a fake quantization has no range that follows and no learned scale")
      .node(graph.label(node))
      .hint("prepare the network again");
}

Error not_finite(const Graph& graph, const FakeQuantSite& site, float value) {
  return Error(ErrorKind::bad_input, "the range of a fake quantization is not finite")
      .tensor(site.name)
      .value(std::to_string(value))
      .expected("finite numbers")
      .hint("training diverged")
      .node(graph.label(graph.nodes[at(site.nodes[0])]));
}

// ---- taking the fake quantization out ----

std::vector<float> factors(const Graph& graph, const Node& norm) {
  const Tensor &gamma = *graph.initializer(norm.inputs[1]), &variance = *graph.initializer(norm.inputs[4]);
  const float epsilon = norm.attributes.real("epsilon", 1e-5F);
  std::vector<float> out;
  for (std::int64_t c = 0; c < gamma.elements(); ++c) {
    out.push_back(gamma.data<float>()[c] / std::sqrt(variance.data<float>()[c] + epsilon));
  }
  return out;
}

class Stripper {
 public:
  explicit Stripper(const Trainable& prepared) {
    out_.graph = inference_form(prepared);
    out_.sites = find_sites(out_.graph);
  }

  Stripped run() {
    Graph& g = out_.graph;
    const Uses uses(g);
    std::map<ValueId, ValueId> replaced;
    for (std::size_t s = 0; s < out_.sites.size(); ++s) {
      const FakeQuantSite& site = out_.sites[s];
      out_.params.push_back(site_params(g, site));
      for (const int n : site.nodes) {
        const Node& node = g.nodes[at(n)];
        if (site.weight) {
          restore_weight(static_cast<int>(s), node, uses);
        } else {
          if (site.current) out_.params.back() = range_params(*g.initializer(node.inputs[0]), site);
          out_.activations[node.inputs[0]] = static_cast<int>(s);
          replaced[node.outputs[0]] = node.inputs[0];
        }
      }
    }
    erase_nodes(g, dead_);
    replace_uses(g, replaced);
    remove_dead(g);
    std::erase_if(g.inputs,
                  [&](ValueId id) { return g.value(id).name == "octet.step" && Uses(g).readers(id).empty(); });
    sort_topologically(g);
    return std::move(out_);
  }

 private:
  // The layer reads the float weight itself; a batch norm behind it goes into weight and bias.
  void restore_weight(int site, const Node& fq, const Uses& uses) {
    Graph& g = out_.graph;
    dead_.resize(g.nodes.size(), false);
    const int reader = weight_reader(g, uses, fq.outputs[0]);
    Node& layer = g.nodes[at(reader)];
    const QuantRule rule = find_op(g, layer)->quant;
    ValueId& weight = layer.inputs[at(rule.weight)];
    const int scaled = uses.producer(fq.inputs[0]);
    if (scaled < 0) {
      weight = fq.inputs[0];
    } else {
      weight = g.nodes[at(scaled)].inputs[0];
      fold(reader, rule, uses);
    }
    FakeQuantSite& of = out_.sites[at(site)];
    if (of.current) out_.params[at(site)] = range_params(*g.initializer(layer.inputs[at(rule.weight)]), of);
    out_.weights[layer.name] = site;
  }
  void fold(int index, const QuantRule& rule, const Uses& uses) {
    Graph& g = out_.graph;
    Node& layer = g.nodes[at(index)];
    const int reader = uses.readers(layer.outputs[0])[0];
    const Node norm = g.nodes[at(reader)];
    const std::vector<float> factor = factors(g, norm);
    ValueId& weight = layer.inputs[at(rule.weight)];
    const Tensor& w = *g.initializer(weight);
    const Channels channels = channels_of(w.shape(), weight_channel_axis(g, layer));
    Tensor folded(DType::f32, w.shape());
    for (std::int64_t i = 0; i < w.elements(); ++i) {
      folded.data<float>()[i] = w.data<float>()[i] * factor[at(i / channels.inner % channels.count)];
    }
    const Tensor* old =
        layer.inputs.size() > 2 && layer.inputs[2] != kNoValue ? g.initializer(layer.inputs[2]) : nullptr;
    Tensor bias(DType::f32, {channels.count});
    const float *beta = g.initializer(norm.inputs[2])->data<float>(),
                *mean = g.initializer(norm.inputs[3])->data<float>();
    for (std::int64_t c = 0; c < channels.count; ++c) {
      const float b = old != nullptr ? old->data<float>()[old->elements() == 1 ? 0 : c] : 0.0F;
      bias.data<float>()[c] = (b - mean[c]) * factor[at(c)] + beta[c];
    }
    const std::string name = g.value(weight).name;
    weight = g.add_initializer(g.fresh_name(name + "/folded"), std::move(folded));
    layer.inputs.resize(3, kNoValue);
    layer.inputs[2] = g.add_initializer(g.fresh_name(name + "/folded_bias"), std::move(bias));
    layer.outputs[0] = norm.outputs[0];
    dead_[at(reader)] = true;
  }
  static std::vector<kernels::FakeQuantParams> range_params(const Tensor& tensor, const FakeQuantSite& site) {
    const Channels channels = channels_of(tensor.shape(), site.axis);
    std::vector<std::pair<float, float>> ranges(at(channels.count), {INFINITY, -INFINITY});
    for (std::int64_t i = 0; i < tensor.elements(); ++i) {
      auto& [low, high] = ranges[at(i / channels.inner % channels.count)];
      low = std::min(low, tensor.data<float>()[i]);
      high = std::max(high, tensor.data<float>()[i]);
    }
    std::vector<kernels::FakeQuantParams> out;
    for (const auto& [low, high] : ranges) out.push_back(ops::params_of(low, high, site.rule));
    return out;
  }

  Stripped out_;
  std::vector<bool> dead_;
};

}  // namespace

std::vector<FakeQuantSite> find_sites(const Graph& graph) {
  const Uses uses(graph);
  std::vector<FakeQuantSite> out;
  std::map<ValueId, std::size_t> by_parameters;  // values that share a range are one site
  for (int i = 0; i < static_cast<int>(graph.nodes.size()); ++i) {
    if (!is_fake_quant(graph.nodes[at(i)])) continue;
    FakeQuantSite site = read_site(graph, uses, i);
    const ValueId key = site.scale != kNoValue ? site.scale : site.min;
    const auto [it, fresh] = by_parameters.emplace(key, out.size());
    if (fresh) {
      out.push_back(std::move(site));
    } else {
      out[it->second].nodes.push_back(i);
      out[it->second].clipped.insert(out[it->second].clipped.end(), site.clipped.begin(), site.clipped.end());
    }
  }
  return out;
}

std::optional<std::vector<kernels::FakeQuantParams>> site_params(const Graph& graph, const FakeQuantSite& site) {
  if (site.current) return std::nullopt;
  std::vector<kernels::FakeQuantParams> out;
  if (site.scale != kNoValue) {
    const Tensor &scale = *graph.initializer(site.scale), &zero = *graph.initializer(site.zero_point);
    for (std::int64_t c = 0; c < scale.elements(); ++c) {
      const float s = graph.initializer(site.scale_start)->data<float>()[c] * scale.data<float>()[c];
      const float z = zero.data<float>()[c];
      if (s == 0) return std::nullopt;
      if (!std::isfinite(s) || !std::isfinite(z)) throw not_finite(graph, site, s);
      out.push_back(ops::learned_params(s, z, site.rule));
    }
    return out;
  }
  const Tensor &min = *graph.initializer(site.min), &max = *graph.initializer(site.max);
  for (std::int64_t c = 0; c < min.elements(); ++c) {
    const float low = min.data<float>()[c], high = max.data<float>()[c];
    if (low > high) return std::nullopt;
    if (!std::isfinite(low) || !std::isfinite(high)) throw not_finite(graph, site, std::isfinite(low) ? high : low);
    out.push_back(ops::params_of(low, high, site.rule));
  }
  return out;
}

Stripped strip(const Trainable& prepared) { return Stripper(prepared).run(); }

}  // namespace octet::quant
