// Static quantization: calibrate, decide, insert.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "octet/quant/calibrate.h"
#include "octet/quant/insert.h"
#include "octet/quant/per_row.h"
#include "octet/quant/prepare.h"
#include "octet/quant/record.h"
#include "octet/quant/rounding/layer_inputs.h"
#include "octet/quant/sensitivity.h"

namespace octet {
namespace {

using namespace quant;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// The values whose statistics are needed, in the order in which they are computed.
std::vector<ValueId> observed_values(const Graph& graph, const Placement& placement) {
  std::vector<ValueId> out;
  for (const auto& sources : placement.sources) {
    for (const ValueId id : sources) {
      if (graph.initializer(id) == nullptr) out.push_back(id);
    }
  }
  const Uses uses(graph);
  std::sort(out.begin(), out.end(),
            [&](ValueId a, ValueId b) { return std::pair(uses.producer(a), a) < std::pair(uses.producer(b), b); });
  return out;
}

Range range_of_constant(const Tensor& tensor) {
  Range range{0, 0};
  for (const float x : tensor.values<float>()) range = {std::min(range.min, x), std::max(range.max, x)};
  return range;
}

class StaticQuantizer {
 public:
  StaticQuantizer(const Graph& graph, const Static& method, const QuantizeOptions& options)
      : method_(method), options_(options), graph_(prepare(graph, result_.warnings)) {
    insert_.activation =
        activation_scheme(method.activation, method.symmetric_activation, method.reduce_range, method.numerics);
    insert_.weight = weight_scheme(method.reduce_range, method.numerics);
    insert_.per_channel = method.per_channel;
    insert_.float_bias = method.float_bias;
  }

  QuantizeResult run() {
    candidates_ = find_layers(graph_, method_.exclude, result_.warnings);
    layers_ = candidates_.layers;
    require_finite_layers();  // before calibration runs into what they make
    placement_ = place(graph_, layers_, {}, method_.every_output);
    macs_ = count_macs(graph_, counted_shapes(), result_.warnings);
    result_.method = "static";
    if (!options_.dry_run && !layers_.empty()) {
      calibrate();
      if (method_.keep_sensitive_float) keep_sensitive_parts_float();
    }
    record();
    if (!options_.dry_run) require_coverage(result_);
    result_.model = options_.dry_run ? clone(graph_) : quantized_as_a_whole();
    finish(result_.model);
    settings_["observer"] = quant::to_string(statistics_.observer());
    settings_["calibration_samples"] = std::to_string(statistics_.samples);
    write_metadata(result_, method_.numerics == Numerics::onnx ? "onnx" : "torch", settings_);
    return std::move(result_);
  }

 private:
  void require_finite_layers() const {
    for (const Layer& layer : layers_) {
      for (const ValueId id : {layer.weight, layer.bias}) {
        const Tensor* tensor = id == kNoValue ? nullptr : graph_.initializer(id);
        if (tensor != nullptr && is_float(tensor->dtype())) require_finite(*tensor, graph_.value(id).name);
      }
    }
  }

  Graph quantized(std::vector<std::string>& warnings) const {
    Graph out = clone(graph_);
    insert_pairs(out, layers_, placement_, parameters(placement_), insert_, warnings);
    WeightWriter writer(out, insert_.weight, warnings);
    PerRowNodes nodes;
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (!by_row_[i]) continue;
      const Layer& layer = candidates_.layers[at(parts_[i].layer)];
      quantize_by_row(out, graph_.nodes[at(layer.node)].outputs[0], method_.per_channel ? layer.channel_axis : -1,
                      writer, nodes);
    }
    nodes.write_metadata(out);
    return out;
  }

  std::vector<std::pair<std::string, Shape>> counted_shapes() const {
    std::vector<std::pair<std::string, Shape>> out = options_.shapes;
    if (!out.empty() || !method_.calibration) return out;
    if (const auto feed = method_.calibration(true)) {
      for (const auto& [name, tensor] : *feed) {
        std::vector<std::int64_t> dims(tensor.shape().begin(), tensor.shape().end());
        const auto& declared = graph_.value(graph_.find(name)).type.shape;
        const bool batched = declared && !declared->empty() && !declared->front().known();
        if (batched && !dims.empty()) dims[0] = std::min<std::int64_t>(dims[0], 1);
        out.emplace_back(name, Shape(dims));
      }
    }
    return out;
  }

  bool compensates() const {
    const Rounding otherwise =
        method_.numerics == Numerics::torch || !method_.calibration ? Rounding::nearest : Rounding::compensated;
    return method_.rounding.value_or(otherwise) == Rounding::compensated;
  }

  // The result, its weights rounded with what calibration inputs say of them, and how far its end is from the float
  // one's.
  Graph quantized_as_a_whole() {
    ThreadPool threads(options_.threads);
    std::optional<LayerInputs> inputs;
    if (compensates()) {
      inputs.emplace(graph_, layers_, threads);
      observe_inputs(*inputs);
      insert_.rounder = [&](ValueId weight, std::span<const float> scales) {
        return inputs->round(weight, scales, insert_.weight);
      };
    }
    settings_["weight_rounding"] = compensates() ? "compensated" : "nearest";
    Graph model = quantized(result_.warnings);
    if (meter_) settings_["end_sqnr_db"] = fmt::format("{:.2f}", decibels(meter_->end_error(model)));
    return model;
  }

  void observe_inputs(LayerInputs& inputs) {
    if (!method_.calibration) {
      throw Error(ErrorKind::usage, "rounding weights on calibration data needs the data beside the statistics");
    }
    constexpr std::int64_t kSamples = 64, kRowsOfOne = 256;
    const Probe probe(graph_, inputs.values(), options_.threads);
    const auto samples = spread_batches(method_.calibration, statistics_.batches, kSamples, options_.skip_nonfinite);
    for (std::size_t i = 0; i < samples.size(); ++i) {
      inputs.add(probe.run(samples[i]).values, kRowsOfOne);
      if (options_.progress) {
        options_.progress("observing inputs", static_cast<std::int64_t>(i) + 1,
                          static_cast<std::int64_t>(samples.size()));
      }
    }
  }

  // Measures every part alone, takes back those that hurt, and measures what is left as a whole.
  void keep_sensitive_parts_float() {
    if (!method_.calibration) {
      result_.warnings.push_back(
          "no calibration data beside the statistics: which layers hurt was not measured, and weights are rounded to "
          "nearest");
      return;
    }
    constexpr std::int64_t kSamples = 8;
    meter_.emplace(graph_, candidates_.layers,
                   spread_batches(method_.calibration, statistics_.batches, kSamples, options_.skip_nonfinite), insert_,
                   options_.threads);
    settings_["measured_batches"] = std::to_string(meter_->samples());
    parts_ = parts_of(graph_, layers_, placement_, macs_);
    const std::vector<Affine> affine = parameters(placement_);
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      meter_->measure(parts_[i], placement_, affine);
      if (options_.progress) {
        options_.progress("measuring layers", static_cast<std::int64_t>(i) + 1,
                          static_cast<std::int64_t>(parts_.size()));
      }
    }
    kept_float_ = parts_to_keep_float(parts_, std::accumulate(macs_.begin(), macs_.end(), std::int64_t{0}));
    by_row_.assign(parts_.size(), false);
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      const Part& part = parts_[i];
      if (!kept_float_[i] || part.layer < 0 || !has_rows(graph_.nodes[at(part.node)])) continue;
      by_row_[i] = meter_->end_error_by_row(candidates_.layers[at(part.layer)]) <= kRescued * part.end_error;
    }
    std::vector<bool> frozen(graph_.nodes.size(), false);
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      if (kept_float_[i]) frozen[at(parts_[i].node)] = true;
    }
    std::erase_if(layers_, [&](const Layer& layer) { return frozen[at(layer.node)]; });
    placement_ = place(graph_, layers_, frozen, method_.every_output);
  }

  void calibrate() {
    if (!method_.statistics.empty()) {
      statistics_ = load_statistics(method_.statistics);
    } else {
      if (!method_.calibration) {
        throw Error(ErrorKind::usage, "static quantization needs calibration data or a statistics file");
      }
      statistics_ = Statistics(method_.observer);
      const Probe probe(graph_, observed_values(graph_, placement_), options_.threads);
      const CalibrationRun run{method_.calibration, options_.skip_nonfinite, options_.progress,
                               options_.calibration_file};
      collect(graph_, probe, run, statistics_, result_.warnings);
    }
    const auto outliers = statistics_.outliers();
    result_.warnings.insert(result_.warnings.end(), outliers.begin(), outliers.end());
    if (!method_.save_statistics.empty()) save_statistics(method_.save_statistics, statistics_);
  }

  std::vector<Affine> parameters(const Placement& placement) const {
    std::vector<Affine> out;
    for (const auto& sources : placement.sources) {
      std::vector<std::string> names;
      Range constants{0, 0};
      for (const ValueId id : sources) {
        if (const Tensor* constant = graph_.initializer(id)) {
          const Range range = range_of_constant(*constant);
          constants = {std::min(constants.min, range.min), std::max(constants.max, range.max)};
        } else {
          names.push_back(graph_.value(id).name);
        }
      }
      Range range = constants;
      if (!names.empty()) {
        range = statistics_.range(names, insert_.activation, {method_.percentile});
        range = {std::min(constants.min, range.min), std::max(constants.max, range.max)};
      }
      out.push_back(choose_affine(range, insert_.activation));
    }
    return out;
  }

  void record() {
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      NodeRecord entry{graph_.label(node), node.op_type, placement_.int8[i], candidates_.reasons[i], macs_[i], {}, {}};
      const int host = placement_.fused_into[i];
      if (host >= 0) {
        entry.reason = "computed with " + graph_.label(graph_.nodes[at(layers_[at(host)].node)]);
      } else if (entry.quantized) {
        entry.reason = entry.reason.empty() ? "int8 weight and activation" : "int8 on both sides";
      }
      result_.nodes.push_back(std::move(entry));
    }
    for (std::size_t i = 0; i < parts_.size(); ++i) {
      NodeRecord& entry = result_.nodes[at(parts_[i].node)];
      entry.sqnr_db = decibels(parts_[i].own_error);
      entry.end_sqnr_db = decibels(parts_[i].end_error);
      if (!kept_float_[i]) continue;
      entry.quantized = by_row_[i];
      const char* const instead = by_row_[i] ? "int8 weight, activation quantized per row as it comes" : "kept float";
      entry.reason = fmt::format("{}: {} it gives {:.1f} dB at its output and {:.1f} dB at the network's end", instead,
                                 by_row_[i] ? "with one scale" : "quantized alone", *entry.sqnr_db, *entry.end_sqnr_db);
    }
    result_.coverage = coverage_of(result_.nodes);
  }

  const Static& method_;
  const QuantizeOptions& options_;
  QuantizeResult result_;
  Graph graph_;
  InsertOptions insert_;
  Candidates candidates_;
  std::vector<Layer> layers_;
  Placement placement_;
  Statistics statistics_;
  std::vector<std::int64_t> macs_;
  std::vector<Part> parts_;
  std::optional<SensitivityMeter> meter_;
  std::vector<bool> kept_float_, by_row_;  ///< one a part
  std::map<std::string, std::string> settings_;
};

}  // namespace

QuantizeResult quantize(const Graph& graph, const Static& method, const QuantizeOptions& options) {
  return StaticQuantizer(graph, method, options).run();
}

}  // namespace octet
