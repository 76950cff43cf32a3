// Weight-only quantization: int8 weights that DequantizeLinear gives back; the arithmetic stays float.
#include <fmt/format.h>

#include "octet/quant/prepare.h"
#include "octet/quant/record.h"
#include "octet/quant/stored_weights.h"
#include "octet/quant/weights.h"

namespace octet {
namespace {

using namespace quant;

class WeightOnlyQuantizer {
 public:
  WeightOnlyQuantizer(const WeightOnly& method, const QuantizeOptions& options, QuantizeResult& result)
      : method_(method), options_(options), result_(result), matcher_(method.exclude) {}

  // `prefix` names the node whose subgraph this is.
  void quantize(Graph& graph, const std::string& prefix) {
    WeightWriter writer(graph, weight_scheme(false, Numerics::onnx), result_.warnings, options_.scratch);
    const std::vector<std::int64_t> macs =
        prefix.empty() ? count_macs(graph, options_.shapes, result_.warnings) : std::vector<std::int64_t>{};
    const std::size_t count = graph.nodes.size();
    std::vector<ValueId> freed;
    for (std::size_t i = 0; i < count; ++i) {
      NodeRecord entry{prefix + graph.label(graph.nodes[i]),
                       graph.nodes[i].op_type,
                       false,
                       {},
                       i < macs.size() ? macs[i] : 0,
                       {},
                       {}};
      entry.reason = matcher_.reason(graph, graph.nodes[i]);
      if (entry.reason.empty()) quantize_node(graph, i, writer, entry);
      result_.nodes.push_back(entry);
      for (const GraphPtr& body : subgraphs(graph.nodes[i])) quantize(*body, entry.name + "/");
      if (options_.progress)
        options_.progress("quantizing", static_cast<std::int64_t>(i) + 1, static_cast<std::int64_t>(count));
    }
    remove_dead(graph);
    sort_topologically(graph);
  }
  void warn_unused() { matcher_.warn_unused(result_.warnings); }

 private:
  void quantize_node(Graph& graph, std::size_t index, WeightWriter& writer, NodeRecord& entry) {
    const std::vector<StoredWeight> weights = stored_weights(graph, graph.nodes[index], entry.reason);
    if (weights.empty()) return;
    entry.quantized = true;
    entry.reason = "int8 weight, float arithmetic";
    if (options_.dry_run) return;
    for (const StoredWeight& weight : weights) {
      const auto slot = static_cast<std::size_t>(weight.slot);
      const ValueId id = graph.nodes[index].inputs[slot];
      const ValueId dequantized = writer.write(id, method_.per_channel ? weight.axis : -1).dequantized;
      graph.nodes[index].inputs[slot] = dequantized;
    }
  }

  const WeightOnly& method_;
  const QuantizeOptions& options_;
  QuantizeResult& result_;
  ExclusionMatcher matcher_;
};

}  // namespace

QuantizeResult quantize(const Graph& graph, const WeightOnly& method, const QuantizeOptions& options) {
  if (method.bits != 8) {
    throw Error(ErrorKind::unsupported, "weight-only quantization stores 8 bits").value(std::to_string(method.bits));
  }
  QuantizeResult result;
  result.method = "weight-only";
  result.model = prepare(graph, result.warnings);
  WeightOnlyQuantizer quantizer(method, options, result);
  quantizer.quantize(result.model, "");
  quantizer.warn_unused();
  result.coverage = 0;  // of int8 arithmetic there is none
  require_coverage(result);
  finish(result.model);
  write_metadata(result, "onnx", {});
  return result;
}

}  // namespace octet
