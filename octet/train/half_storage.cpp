#include "octet/train/half_storage.h"

#include <algorithm>
#include <map>
#include <set>

#include "octet/ops/op.h"

namespace octet::train {
namespace {

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

const QuantRule* layer_rule(const Graph& graph, const Node& node) {
  const OpDef* op = ops::find(node.op_type, node.domain, graph.opset(node.domain));
  return op != nullptr && op->quant.kind == QuantRule::Kind::weighted ? &op->quant : nullptr;
}

Attributes to_half() {
  Attributes out;
  out.set("to", static_cast<std::int64_t>(DType::f16));
  return out;
}

bool is_widen(const Node& node) { return node.domain == "octet" && node.op_type == "Widen"; }

// x in half precision and back.
ValueId through_half(Graph& graph, ValueId x) {
  const TypeInfo type = graph.value(x).type;
  const std::string name = graph.value(x).name;
  const ValueId half = graph.add_node("Cast", {x}, to_half(), graph.fresh_name(name + "/half"));
  graph.value(half).type = {DType::f16, type.shape};
  const ValueId wide = graph.add_node("Widen", {half}, {}, graph.fresh_name(name + "/wide"), "octet");
  graph.value(wide).type = type;
  return wide;
}

}  // namespace

std::string stored_values_name(const std::string& weight) { return weight + "/int8"; }
std::string stored_scales_name(const std::string& weight) { return weight + "/int8_scale"; }

std::vector<std::string> layer_weights(const Graph& graph, const std::vector<std::string>& parameters) {
  std::set<std::string> found;
  for (const Node& node : graph.nodes) {
    const QuantRule* rule = layer_rule(graph, node);
    if (rule == nullptr || rule->weight >= static_cast<int>(node.inputs.size())) continue;
    const ValueId weight = node.inputs[at(rule->weight)];
    if (weight != kNoValue && graph.initializer(weight) != nullptr) found.insert(graph.value(weight).name);
  }
  std::vector<std::string> out;
  for (const std::string& name : parameters) {
    if (found.contains(name)) out.push_back(name);
  }
  return out;
}

void store_in_half(Graph& graph, const std::vector<std::string>& weights) {
  graph.opsets["octet"] = std::max(1, graph.opset("octet"));
  for (const std::string& name : weights) {
    const ValueId id = graph.find(name);
    const Tensor weight = *graph.initializer(id);
    const Uses uses(graph);
    graph.set_initializer(id, weight.cast(DType::f16));
    graph.value(id).type = {DType::f16, symbolic(weight.shape())};
    const std::vector<int>& readers = uses.readers(id);
    const ValueId wide = graph.add_node("Widen", {id}, {}, graph.fresh_name(name + "/wide"), "octet");
    graph.value(wide).type = {DType::f32, symbolic(weight.shape())};
    for (const int reader : readers)
      std::replace(graph.nodes[at(reader)].inputs.begin(), graph.nodes[at(reader)].inputs.end(), id, wide);
  }
  const std::size_t count = graph.nodes.size();
  std::map<ValueId, ValueId> halved;
  for (std::size_t i = 0; i < count; ++i) {
    const QuantRule* rule = layer_rule(graph, graph.nodes[i]);
    if (rule == nullptr) continue;
    const ValueId x = graph.nodes[i].inputs[at(rule->activation)];
    if (graph.value(x).type.dtype != DType::f32 || graph.initializer(x) != nullptr) continue;
    auto it = halved.find(x);
    if (it == halved.end()) it = halved.emplace(x, through_half(graph, x)).first;
    graph.nodes[i].inputs[at(rule->activation)] = it->second;
    const ValueId y = graph.nodes[i].outputs[0];
    const Uses uses(graph);
    const std::vector<int>& readers = uses.readers(y);
    if (readers.empty()) continue;
    const ValueId wide = through_half(graph, y);
    for (const int reader : readers)
      std::replace(graph.nodes[at(reader)].inputs.begin(), graph.nodes[at(reader)].inputs.end(), y, wide);
  }
  sort_topologically(graph);
}

void decompress_at_use(Graph& graph, const std::vector<std::string>& weights, std::int64_t block) {
  std::map<ValueId, std::pair<ValueId, ValueId>> stored;  // float16 input -> int8, scales
  for (const std::string& name : weights) {
    const ValueId id = graph.find(name);
    const Shape shape = static_shape(*graph.value(id).type.shape).value();
    const std::int64_t rows = shape.rank() > 0 ? shape[0] : 1;
    const std::int64_t groups = block > 0 ? (shape.elements() + block - 1) / block : rows;
    const ValueId values = graph.add_input(stored_values_name(name), DType::i8, symbolic(shape));
    stored[id] = {values, graph.add_input(stored_scales_name(name), DType::f32, {groups})};
  }
  std::map<ValueId, std::size_t> widened;  // by output: the Widen that makes it
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (is_widen(graph.nodes[i])) widened[graph.nodes[i].outputs[0]] = i;
  }
  std::vector<Node> ordered;
  std::int64_t use = 0;
  for (const Node& original : graph.nodes) {
    if (is_widen(original) &&
        std::find(graph.outputs.begin(), graph.outputs.end(), original.outputs[0]) == graph.outputs.end())
      continue;
    Node node = original;
    for (ValueId& id : node.inputs) {
      const auto it = widened.find(id);
      if (it == widened.end()) continue;
      Node widen = graph.nodes[it->second];
      ++use;
      if (const auto weight = stored.find(widen.inputs[0]); weight != stored.end()) {
        Node decompress;
        decompress.op_type = "Decompress";
        decompress.domain = "octet";
        decompress.inputs = {weight->second.first, weight->second.second};
        const std::string name = graph.value(weight->first).name;
        decompress.name = graph.fresh_name(name + "/decompressed");
        decompress.attributes.set("block", block);
        decompress.attributes.set("use", use);
        decompress.outputs = {graph.add_value(decompress.name, graph.value(weight->first).type)};
        widen.inputs = decompress.outputs;
        ordered.push_back(std::move(decompress));
      }
      widen.attributes.set("use", use);
      widen.name = graph.fresh_name(graph.value(id).name + "/again");
      widen.outputs = {graph.add_value(widen.name, graph.value(id).type)};
      id = widen.outputs[0];
      ordered.push_back(std::move(widen));
    }
    ordered.push_back(std::move(node));
  }
  graph.nodes = std::move(ordered);
  std::erase_if(graph.inputs, [&](ValueId id) { return stored.contains(id); });
  sort_topologically(graph);
}

DecompressedBytes decompressed_bytes(const Graph& graph) {
  std::map<ValueId, std::pair<int, int>> life;
  std::set<ValueId> decompressed;
  for (int i = 0; i < static_cast<int>(graph.nodes.size()); ++i) {
    const Node& node = graph.nodes[at(i)];
    for (const ValueId id : node.inputs) {
      if (const auto it = life.find(id); it != life.end()) it->second.second = i;
    }
    const bool first = node.op_type == "Decompress" && node.domain == "octet";
    if (!first && !(is_widen(node) && decompressed.contains(node.inputs[0]))) continue;
    decompressed.insert(node.outputs[0]);
    life[node.outputs[0]] = {i, i};
  }
  const auto bytes = [&](ValueId id) {
    const TypeInfo& type = graph.value(id).type;
    const auto shape = type.shape ? static_shape(*type.shape) : std::nullopt;
    if (!shape) throw Error(ErrorKind::internal, "a decompressed weight has no shape").tensor(graph.value(id).name);
    return shape->elements() * static_cast<std::int64_t>(size_of(type.dtype));
  };
  DecompressedBytes out;
  for (int i = 0; i < static_cast<int>(graph.nodes.size()); ++i) {
    std::int64_t alive = 0;
    for (const auto& [id, span] : life) {
      if (span.first <= i && i <= span.second) alive += bytes(id);
    }
    out.peak = std::max(out.peak, alive);
  }
  for (const auto& [id, span] : life) {
    const bool half = graph.value(id).type.dtype == DType::f16;
    out.largest = std::max(out.largest, half ? bytes(id) * 3 : bytes(id) / 2 * 3);
  }
  return out;
}

}  // namespace octet::train
