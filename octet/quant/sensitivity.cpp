#include "octet/quant/sensitivity.h"

#include <algorithm>
#include <cmath>

#include "octet/quant/per_row.h"

namespace octet::quant {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// A second copy of a float node, whose output is returned: what the node gives before it is quantized.
ValueId add_twin(Graph& graph, int node) {
  Node twin = graph.nodes[at(node)];
  twin.name.clear();
  for (ValueId& out : twin.outputs) {
    if (out != kNoValue)
      out = graph.add_value(graph.fresh_name(graph.value(out).name + "_float"), graph.value(out).type);
  }
  const ValueId out = twin.outputs[0];
  graph.nodes.push_back(std::move(twin));
  return out;
}

}  // namespace

void SignalToNoise::add(const Tensor& reference, const Tensor& measured) {
  if (reference.dtype() != DType::f32 || measured.dtype() != DType::f32 || reference.elements() != measured.elements())
    return;
  const float *a = reference.data<float>(), *b = measured.data<float>();
  for (std::int64_t i = 0; i < reference.elements(); ++i) {
    const double difference = double{a[i]} - double{b[i]};
    signal += double{a[i]} * double{a[i]};
    noise += difference * difference;
  }
}

double SignalToNoise::ratio() const {
  constexpr double kLeast = 1e-12, kMost = 1e12;
  if (std::isnan(noise)) return kMost;
  if (noise == 0) return kLeast;
  return signal == 0 ? kMost : std::clamp(noise / signal, kLeast, kMost);
}

double decibels(double noise_to_signal) { return -10 * std::log10(noise_to_signal); }

std::vector<Part> parts_of(const Graph& graph, const std::vector<Layer>& layers, const Placement& placement,
                           const std::vector<std::int64_t>& macs) {
  std::vector<Part> out;
  std::vector<bool> taken(graph.value_count(), false), is_layer(graph.nodes.size(), false);
  for (std::size_t i = 0; i < layers.size(); ++i) {
    taken[at(layers[i].input)] = true;
    is_layer[at(layers[i].node)] = true;
    out.push_back({layers[i].node, static_cast<int>(i), {layers[i].input}, macs[at(layers[i].node)]});
  }
  for (std::size_t n = 0; n < graph.nodes.size(); ++n) {
    if (!placement.int8[n] || is_layer[n]) continue;
    Part part{static_cast<int>(n), -1, {}, 0};
    for (const ValueId id : graph.nodes[n].inputs) {
      const bool own = id != kNoValue && placement.quantized(id) && !taken[at(id)] &&
                       placement.reads_int8(graph, static_cast<int>(n), id);
      if (!own) continue;
      taken[at(id)] = true;
      part.values.push_back(id);
    }
    if (!part.values.empty()) out.push_back(std::move(part));
  }
  return out;
}

SensitivityMeter::SensitivityMeter(const Graph& graph, const std::vector<Layer>& layers,
                                   std::vector<NamedTensors> samples, InsertOptions options, int threads)
    : graph_(graph), layers_(layers), samples_(std::move(samples)), options_(std::move(options)), threads_(threads) {
  const Probe probe(graph_, {}, threads_);
  for (const NamedTensors& sample : samples_) reference_.push_back(probe.run(sample).outputs);
}

double SensitivityMeter::worst_output(const std::vector<SignalToNoise>& outputs) const {
  double worst = 0;
  for (const SignalToNoise& output : outputs) {
    if (output.signal > 0 || output.noise > 0) worst = std::max(worst, output.ratio());
  }
  return worst;
}

void SensitivityMeter::measure(Part& part, const Placement& placement, const std::vector<Affine>& parameters) const {
  Graph variant = clone(graph_);
  const ValueId twin = add_twin(variant, part.node), own = variant.nodes[at(part.node)].outputs[0];
  Placement alone;
  alone.int8.assign(variant.nodes.size(), false);
  alone.fused_into.assign(variant.nodes.size(), -1);
  alone.int8[at(part.node)] = true;
  std::vector<Affine> own_parameters;
  for (const ValueId id : part.values) {
    alone.group[id] = static_cast<int>(own_parameters.size());
    own_parameters.push_back(parameters[at(placement.group.at(id))]);
  }
  std::vector<Layer> layers;
  if (part.layer >= 0) layers.push_back(layers_[at(part.layer)]);
  std::vector<std::string> ignored;
  variant.outputs.push_back(twin);
  insert_pairs(variant, layers, alone, own_parameters, options_, ignored);
  const Probe probe(variant, {own}, threads_);
  SignalToNoise at_node;
  std::vector<SignalToNoise> at_end(graph_.outputs.size());
  for (std::size_t s = 0; s < samples_.size(); ++s) {
    const Probe::Seen seen = probe.run(samples_[s]);
    at_node.add(seen.outputs[at_end.size()], seen.values[0]);
    for (std::size_t i = 0; i < at_end.size(); ++i) at_end[i].add(reference_[s][i], seen.outputs[i]);
  }
  part.own_error = at_node.ratio();
  part.end_error = worst_output(at_end);
}

double SensitivityMeter::end_error_by_row(const Layer& layer) const {
  Graph variant = clone(graph_);
  std::vector<std::string> ignored;
  WeightWriter writer(variant, options_.weight, ignored);
  PerRowNodes nodes;
  quantize_by_row(variant, variant.nodes[at(layer.node)].outputs[0], options_.per_channel ? layer.channel_axis : -1,
                  writer, nodes);
  nodes.write_metadata(variant);
  return end_error(variant);
}

double SensitivityMeter::end_error(const Graph& quantized) const {
  const Probe probe(quantized, {}, threads_);
  std::vector<SignalToNoise> at_end(graph_.outputs.size());
  for (std::size_t s = 0; s < samples_.size(); ++s) {
    const std::vector<Tensor> outputs = probe.run(samples_[s]).outputs;
    for (std::size_t i = 0; i < at_end.size(); ++i) at_end[i].add(reference_[s][i], outputs[i]);
  }
  return worst_output(at_end);
}

std::vector<bool> parts_to_keep_float(const std::vector<Part>& parts, std::int64_t all_macs) {
  std::vector<bool> keep(parts.size(), false);
  double sum = 0;
  const double all = std::max(1.0, static_cast<double>(all_macs));
  double covered = 0;
  for (const Part& part : parts) {
    sum += part.end_error;
    covered += static_cast<double>(part.macs) / all;
  }
  const auto take = [&](std::size_t i) {
    keep[i] = true;
    sum -= parts[i].end_error;
    covered -= static_cast<double>(parts[i].macs) / all;
  };
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].end_error > kRuinous) take(i);
  }
  while (sum > kTolerated) {
    std::size_t best = parts.size();
    double gain = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const double share = static_cast<double>(parts[i].macs) / all;
      if (keep[i] || parts[i].end_error < kWorthwhile * sum || covered - share < kCoverage) continue;
      constexpr double kSmallShare = 0.01;  // what leaving int8 costs even a part that multiplies nothing
      const double value = parts[i].end_error / (share + kSmallShare);
      if (value > gain) {
        gain = value;
        best = i;
      }
    }
    if (best == parts.size()) break;
    take(best);
  }
  return keep;
}

}  // namespace octet::quant
