// Static quantization: calibrate, decide, insert.
#include <fmt/format.h>

#include <algorithm>

#include "octet/quant/calibrate.h"
#include "octet/quant/insert.h"
#include "octet/quant/prepare.h"
#include "octet/quant/record.h"

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
  }

  QuantizeResult run() {
    candidates_ = find_layers(graph_, method_.exclude, result_.warnings);
    layers_ = candidates_.layers;
    placement_ = place(graph_, layers_);
    result_.method = "static";
    if (!options_.dry_run && !layers_.empty()) {
      calibrate();
    }
    record();
    if (!options_.dry_run) require_coverage(result_);
    result_.model = clone(graph_);
    if (!options_.dry_run) {
      insert_pairs(result_.model, layers_, placement_, parameters(placement_), insert_, result_.warnings);
    }
    finish(result_.model);
    write_metadata(result_, method_.numerics == Numerics::onnx ? "onnx" : "torch",
                   {{"observer", quant::to_string(statistics_.observer())},
                    {"calibration_samples", std::to_string(statistics_.samples)}});
    return std::move(result_);
  }

 private:
  void calibrate() {
    if (!method_.statistics.empty()) {
      statistics_ = load_statistics(method_.statistics);
    } else {
      if (!method_.calibration) {
        throw Error(ErrorKind::usage, "static quantization needs calibration data or a statistics file");
      }
      statistics_ = Statistics(method_.observer);
      const Probe probe(graph_, observed_values(graph_, placement_), options_.threads);
      collect(graph_, probe, {method_.calibration, options_.skip_nonfinite, options_.progress}, statistics_,
              result_.warnings);
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
    const std::vector<std::int64_t> macs = count_macs(graph_, {});
    for (std::size_t i = 0; i < graph_.nodes.size(); ++i) {
      const Node& node = graph_.nodes[i];
      NodeRecord entry{graph_.label(node), node.op_type, placement_.int8[i], candidates_.reasons[i], macs[i], {}, {}};
      const int host = placement_.fused_into[i];
      if (host >= 0) {
        entry.reason = "computed with " + graph_.label(graph_.nodes[at(layers_[at(host)].node)]);
      } else if (entry.quantized) {
        entry.reason = entry.reason.empty() ? "int8 weight and activation" : "int8 on both sides";
      }
      result_.nodes.push_back(std::move(entry));
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
};

}  // namespace

QuantizeResult quantize(const Graph& graph, const Static& method, const QuantizeOptions& options) {
  return StaticQuantizer(graph, method, options).run();
}

}  // namespace octet
