#include "octet/quant/per_row.h"

#include <algorithm>

namespace octet::quant {

void PerRowNodes::add(const Graph& graph, Node& node) {
  std::string name = graph.label(node);
  std::replace_if(name.begin(), name.end(), [](char c) { return c == '\n' || c == '\r'; }, ' ');
  for (int i = 1; !taken_.insert(name).second; ++i) name = graph.label(node) + "_" + std::to_string(i);
  node.name = name;
  names_.push_back(std::move(name));
}

void PerRowNodes::write_metadata(Graph& model) const {
  std::string lines;
  for (const std::string& name : names_) lines += (lines.empty() ? "" : "\n") + name;
  if (!lines.empty()) model.info.set_metadata("octet.dynamic_per_row", lines);
}

bool has_rows(const Node& node) {
  if (!node.domain.empty()) return false;
  if (node.op_type == "MatMul") return true;
  const Attributes& a = node.attributes;
  return node.op_type == "Gemm" && a.integer("transA", 0) == 0 && a.real("alpha", 1) == 1 && a.real("beta", 1) == 1;
}

void quantize_by_row(Graph& graph, ValueId output, int channel_axis, WeightWriter& writer, PerRowNodes& nodes) {
  const auto producer = static_cast<std::size_t>(Uses(graph).producer(output));
  const ValueId dequantized = writer.write(graph.nodes[producer].inputs[1], channel_axis).dequantized;
  graph.nodes[producer].inputs[1] = dequantized;
  nodes.add(graph, graph.nodes[producer]);
  sort_topologically(graph);
  remove_dead(graph);
}

}  // namespace octet::quant
