// Nodes that change nothing: Identity, Dropout at inference, Cast to the same type, Concat of one,
// zero Pad, Transpose in the order it had, and Add of 0 or Mul by 1 of the same shape.
#include <algorithm>

#include "octet/rewrite/edit.h"
#include "octet/rewrite/table.h"

namespace octet::rewrite {
namespace {

bool same_shape(const Edit& edit, ValueId a, ValueId b) {
  const auto sa = edit.graph().value(a).type.shape, sb = edit.graph().value(b).type.shape;
  if (!sa || !sb || sa->size() != sb->size()) return false;
  return std::equal(sa->begin(), sa->end(), sb->begin(),
                    [](const Dim& x, const Dim& y) { return x == y && (x.known() || !x.symbol.empty()); });
}

bool all_zero(const Tensor& tensor) {
  const auto values = tensor.to_int64();
  return std::all_of(values.begin(), values.end(), [](std::int64_t v) { return v == 0; });
}

bool zero_pad(const Edit& edit, const Node& node) {
  if (node.attributes.has("pads")) {
    const auto pads = node.attributes.integers("pads");
    return std::all_of(pads.begin(), pads.end(), [](std::int64_t v) { return v == 0; });
  }
  const Tensor* pads = node.inputs.size() > 1 ? edit.constant(node.inputs[1]) : nullptr;
  return pads != nullptr && all_zero(*pads);
}

bool kept_order(const Node& node) {
  const auto order = node.attributes.integers("perm");
  for (std::size_t i = 0; i < order.size(); ++i) {
    if (order[i] != static_cast<std::int64_t>(i)) return false;
  }
  return !order.empty();
}

bool inference_dropout(const Edit& edit, const Node& node) {
  for (std::size_t i = 1; i < node.outputs.size(); ++i) {
    const ValueId mask = node.outputs[i];
    if (mask != kNoValue && (!edit.uses().readers(mask).empty() || edit.uses().is_output(mask))) return false;
  }
  if (node.inputs.size() < 3 || node.inputs[2] == kNoValue) return true;
  const Tensor* training = edit.constant(node.inputs[2]);
  return training != nullptr && all_zero(*training);
}

// The input that the node hands on unchanged, or kNoValue.
ValueId passed(const Edit& edit, const Node& node) {
  const ValueId x = node.inputs.empty() ? kNoValue : node.inputs[0];
  if (x == kNoValue || !node.domain.empty()) return kNoValue;
  const std::string& op = node.op_type;
  const Graph& graph = edit.graph();
  if (op == "Identity") return x;
  if (op == "Dropout") return inference_dropout(edit, node) ? x : kNoValue;
  if (op == "Cast") {
    const auto to = static_cast<DType>(node.attributes.integer("to", 0));
    return graph.value(x).type.dtype == to ? x : kNoValue;
  }
  if ((op == "Concat" || op == "Sum" || op == "Max" || op == "Min" || op == "Mean") && node.inputs.size() == 1)
    return x;
  if (op == "Pad") return zero_pad(edit, node) ? x : kNoValue;
  if (op == "Transpose") return kept_order(node) ? x : kNoValue;
  if (op == "Reshape" || op == "Expand") return same_shape(edit, x, node.outputs[0]) ? x : kNoValue;
  if (op == "Add" || op == "Mul") {
    const double neutral = op == "Add" ? 0 : 1;
    for (const int i : {0, 1}) {
      const ValueId kept = node.inputs[static_cast<std::size_t>(1 - i)];
      const auto number = edit.scalar(node.inputs[static_cast<std::size_t>(i)]);
      if (number && *number == neutral && same_shape(edit, kept, node.outputs[0])) return kept;
    }
  }
  return kNoValue;
}

int apply(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    const Node& node = edit.node(i);
    const ValueId from = passed(edit, node);
    if (from == kNoValue) continue;
    // An output that repeats an input, a constant or another output needs its Identity.
    const ValueId out = node.outputs[0];
    const bool source = edit.uses().producer(from) < 0 || edit.uses().is_output(from);
    if (edit.uses().is_output(out) && source) continue;
    edit.replace(out, from);
    edit.remove(i);
    edit.count();
  }
  return edit.finish();
}

std::vector<Graph> samples() {
  std::vector<Graph> out;
  Graph g;
  g.opsets[""] = 13;
  const ValueId x = g.add_input("x", DType::f32, {2, 3});
  ValueId y = g.add_node("Identity", {x});
  y = g.add_node("Dropout", {y});
  Attributes order;
  order.set("perm", std::vector<std::int64_t>{0, 1});
  y = g.add_node("Transpose", {y}, order);
  y = g.add_node("Relu", {y});
  y = g.add_node("Mul", {y, g.add_initializer("one", Tensor::scalar(1.0f))});
  g.outputs = {g.add_node("Concat", {y}, [] {
    Attributes a;
    a.set("axis", std::int64_t{0});
    return a;
  }())};
  out.push_back(std::move(g));
  return out;
}

}  // namespace

Rewrite drop_identities() { return {"drop_identities", "removes nodes that change nothing", apply, samples}; }

}  // namespace octet::rewrite
