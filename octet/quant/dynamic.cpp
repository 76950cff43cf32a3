// Dynamic quantization: weights in int8, activations quantized as they come.
#include "octet/quant/integer_form.h"
#include "octet/quant/per_row.h"
#include "octet/quant/prepare.h"
#include "octet/quant/record.h"
#include "octet/quant/stored_weights.h"
#include "octet/quant/weights.h"

namespace octet {
namespace {

using namespace quant;

class DynamicQuantizer {
 public:
  DynamicQuantizer(const Dynamic& method, const QuantizeOptions& options, QuantizeResult& result)
      : method_(method), options_(options), result_(result), matcher_(method.exclude) {}

  // `prefix` names the node whose subgraph this is.
  void quantize(Graph& graph, const std::string& prefix) {
    const std::vector<std::int64_t> macs =
        prefix.empty() ? count_macs(graph, options_.shapes, result_.warnings) : std::vector<std::int64_t>{};
    WeightWriter writer(graph, weight_scheme(false, method_.numerics), result_.warnings, options_.scratch);
    IntegerForm integer(graph, writer, method_.per_channel, method_.reduce_range);
    const std::size_t count = graph.nodes.size();
    for (std::size_t i = 0; i < count; ++i) {
      NodeRecord entry{prefix + graph.label(graph.nodes[i]),
                       graph.nodes[i].op_type,
                       false,
                       {},
                       i < macs.size() ? macs[i] : 0,
                       {},
                       {}};
      entry.reason = matcher_.reason(graph, graph.nodes[i]);
      if (entry.reason.empty()) quantize_node(graph, i, writer, integer, entry);
      result_.nodes.push_back(entry);
      for (const GraphPtr& body : subgraphs(graph.nodes[i])) quantize(*body, entry.name + "/");
      if (options_.progress)
        options_.progress("quantizing", static_cast<std::int64_t>(i) + 1, static_cast<std::int64_t>(count));
    }
    integer.finish();
    remove_dead(graph);
    sort_topologically(graph);
  }

  void finish() {
    matcher_.warn_unused(result_.warnings);
    per_row_.write_metadata(result_.model);
  }

 private:
  void quantize_node(Graph& graph, std::size_t index, WeightWriter& writer, IntegerForm& integer, NodeRecord& entry) {
    const std::vector<StoredWeight> weights = stored_weights(graph, graph.nodes[index], entry.reason);
    if (weights.empty()) return;
    if (method_.keep_depthwise_float && depthwise(graph, graph.nodes[index])) {
      entry.reason =
          "kept float: a depthwise convolution sums too few products for rounding to even out, and saves less "
          "than quantizing its activations as they come costs";
      return;
    }
    entry.quantized = true;
    const bool table = graph.nodes[index].op_type == "Gather";
    if (!table && !method_.per_row && integer.has_form(graph.nodes[index])) {
      entry.reason = "int8 weight, activation quantized per tensor as it comes";
      if (!options_.dry_run) integer.rewrite(static_cast<int>(index));
      return;
    }
    entry.reason = table ? "int8 table, rows dequantized as they are read"
                         : "int8 weight, activation quantized per row as it comes";
    if (options_.dry_run) return;
    if (!table) per_row_.add(graph, graph.nodes[index]);
    for (const StoredWeight& weight : weights) {
      const auto slot = static_cast<std::size_t>(weight.slot);
      const ValueId id = graph.nodes[index].inputs[slot];
      const ValueId dequantized = writer.write(id, method_.per_channel ? weight.axis : -1).dequantized;
      graph.nodes[index].inputs[slot] = dequantized;
    }
  }

  static bool depthwise(const Graph& graph, const Node& node) {
    const Tensor* weight = node.op_type == "Conv" ? graph.initializer(node.inputs[1]) : nullptr;
    return weight != nullptr && weight->rank() > 1 && weight->dim(1) == 1 && node.attributes.integer("group", 1) > 1;
  }

  const Dynamic& method_;
  const QuantizeOptions& options_;
  QuantizeResult& result_;
  ExclusionMatcher matcher_;
  PerRowNodes per_row_;
};

}  // namespace

QuantizeResult quantize(const Graph& graph, const Dynamic& method, const QuantizeOptions& options) {
  if (method.reduce_range && method.per_row)
    throw Error(ErrorKind::usage, "a reduced range of dynamic quantization goes with one scale a tensor, not a row");
  QuantizeResult result;
  result.method = "dynamic";
  result.model = prepare(graph, result.warnings);
  DynamicQuantizer quantizer(method, options, result);
  quantizer.quantize(result.model, "");
  quantizer.finish();
  result.coverage = coverage_of(result.nodes);
  if (!options.dry_run) require_coverage(result);
  finish(result.model);
  write_metadata(result, method.numerics == Numerics::onnx ? "onnx" : "torch",
                 {{"activations", method.per_row ? "per-row" : "per-tensor"}});
  return result;
}

}  // namespace octet
