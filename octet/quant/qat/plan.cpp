#include "octet/quant/qat/plan.h"

#include "octet/quant/record.h"

namespace octet::quant {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

std::vector<NodeRecord> record(const QatPlan& plan, std::vector<std::string>& warnings) {
  const Graph& graph = plan.view.graph;
  const std::vector<std::int64_t> macs = count_macs(graph, {}, warnings);
  std::vector<NodeRecord> out;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const Node& node = graph.nodes[i];
    NodeRecord entry{
        graph.label(node), node.op_type, plan.placement.int8[i], plan.candidates.reasons[i], macs[i], {}, {}};
    const int host = plan.placement.fused_into[i];
    if (host >= 0) {
      entry.reason = "computed with " + graph.label(graph.nodes[at(plan.candidates.layers[at(host)].node)]);
    } else if (entry.quantized) {
      entry.reason = entry.reason.empty() ? "int8 weight and activation" : "int8 on both sides";
    }
    out.push_back(std::move(entry));
  }
  return out;
}

}  // namespace

QatPlan plan_qat(Graph& graph, const QConfig& config, std::vector<std::string>& warnings) {
  ops::infer_shapes(graph);
  QatPlan plan;
  plan.view = inference_view(graph);
  ops::infer_shapes(plan.view.graph);
  plan.candidates = find_layers(plan.view.graph, config.exclude, warnings);
  const bool modules = config.places == QConfig::Places::modules;
  plan.placement =
      modules ? place_modules(plan.view.graph, plan.candidates.layers) : place(plan.view.graph, plan.candidates.layers);
  plan.nodes = record(plan, warnings);
  QuantizeResult result;
  result.nodes = plan.nodes;
  require_coverage(result);
  return plan;
}

QConfig prepared_config(const Graph& graph) {
  if (const std::string* text = graph.info.find_metadata(kQatMetadata)) return qconfig_from_json(*text);
  std::string layers;
  for (const Node& node : graph.nodes) {
    if (layer_obstacle(graph, node).empty())
      layers += (layers.empty() ? "'" : ", '") + printable(graph.label(node)) + "'";
  }
  throw Error(ErrorKind::gate, "the network was never prepared for quantization, so nothing would be quantized: " +
                                   (layers.empty() ? std::string("it has no layer with a weight") : "layers " + layers))
      .hint("prepare_qat gives the network to train and to convert");
}

bool is_fake_quant(const Node& node) {
  return node.domain == "octet" && (node.op_type == "FakeQuant" || node.op_type == "ObservedFakeQuant");
}

}  // namespace octet::quant
