// Two nodes that compute the same from the same inputs become one (common subexpressions), and equal
// small constants share one initializer.
#include <bit>
#include <map>

#include "octet/ops/op.h"
#include "octet/rewrite/edit.h"
#include "octet/rewrite/table.h"

namespace octet::rewrite {
namespace {

constexpr std::size_t kSmall = 256;  // bytes of a constant worth comparing

std::string key(const Tensor& tensor) {
  return std::string(to_string(tensor.dtype())) + to_string(tensor.shape()) + ":" +
         std::string(static_cast<const char*>(tensor.raw()), tensor.bytes());
}

// A text that is equal for equal nodes; empty when the node must not be merged.
std::string key(const Graph& graph, const Node& node, const std::map<ValueId, ValueId>& merged) {
  const OpDef* op = ops::find(node.op_type, node.domain, graph.opset(node.domain));
  if (op == nullptr || !op->foldable || node.outputs.size() != 1) return {};
  std::string text = node.domain + "." + node.op_type;
  for (const ValueId id : node.inputs) {
    const auto it = merged.find(id);
    text += " %" + std::to_string(it == merged.end() ? id : it->second);
  }
  for (const auto& [name, value] : node.attributes) {
    text += " " + name + "=";
    if (const auto* i = std::get_if<std::int64_t>(&value)) {
      text += std::to_string(*i);
    } else if (const auto* f = std::get_if<float>(&value)) {
      text += "f" + std::to_string(std::bit_cast<std::uint32_t>(*f));
    } else if (const auto* s = std::get_if<std::string>(&value)) {
      text += "\"" + *s;
    } else if (const auto* is = std::get_if<std::vector<std::int64_t>>(&value)) {
      for (const std::int64_t item : *is) text += std::to_string(item) + ",";
    } else {
      return {};
    }
  }
  return text;
}

int apply(Graph& graph) {
  Edit edit(graph);
  std::map<ValueId, ValueId> merged;
  std::map<std::string, ValueId> first;
  for (const auto& [id, tensor] : graph.initializers()) {
    const bool read = !edit.uses().readers(id).empty() && !edit.uses().is_output(id);
    if (!read || tensor.bytes() > kSmall) continue;
    const auto [it, fresh] = first.emplace("constant " + key(tensor), id);
    if (!fresh) merged[id] = it->second;
  }
  for (int i = 0; i < edit.node_count(); ++i) {
    const Node& node = edit.node(i);
    const std::string text = key(graph, node, merged);
    if (text.empty()) continue;
    const auto [it, fresh] = first.emplace(text, node.outputs[0]);
    if (fresh || edit.uses().is_output(node.outputs[0])) continue;
    merged[node.outputs[0]] = it->second;
    edit.remove(i);
  }
  for (const auto& [from, to] : merged) {
    edit.replace(from, to);
    edit.count();
  }
  return edit.finish();
}

std::vector<Graph> samples() {
  Graph g;
  g.opsets[""] = 13;
  const ValueId x = g.add_input("x", DType::f32, {2, 3});
  const ValueId a = g.add_node("Mul", {x, g.add_initializer("two", Tensor::scalar(2.0f))});
  const ValueId b = g.add_node("Mul", {x, g.add_initializer("two_again", Tensor::scalar(2.0f))});
  g.outputs = {g.add_node("Add", {g.add_node("Relu", {a}), g.add_node("Relu", {b})})};
  return {g};
}

}  // namespace

Rewrite merge_duplicates() { return {"merge_duplicates", "computes what is computed twice only once", apply, samples}; }

}  // namespace octet::rewrite
