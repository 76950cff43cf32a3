// x * clip(x + 3, 0, 6) / 6, the division anywhere, and x * HardSigmoid(x) with alpha 1/6, beta 1/2,
// are HardSwish. Source: Howard et al. 2019 (arXiv 1905.02244), section 5.2; ONNX HardSwish-14.
#include <cmath>

#include "octet/rewrite/match.h"
#include "octet/rewrite/table.h"

namespace octet::rewrite {
namespace {

// x if the value is clip(x + 3, 0, 6), else kNoValue.
ValueId clipped(const Edit& edit, ValueId id) {
  const int clip = edit.producer(id, "Clip");
  if (clip < 0) return kNoValue;
  const Node& node = edit.node(clip);
  const bool limits = node.inputs.size() == 3
                          ? edit.scalar(node.inputs[1]) == 0.0 && edit.is_scalar(node.inputs[2], 6)
                          : node.attributes.real("min", -1) == 0 && node.attributes.real("max", -1) == 6;
  return limits ? plus(edit, node.inputs[0], 3) : kNoValue;
}

// x if the value is HardSigmoid(x) as HardSwish means it.
ValueId hard_sigmoid(const Edit& edit, ValueId id) {
  if (const ValueId sixth = times(edit, id, 1.0 / 6); sixth != kNoValue) return clipped(edit, sixth);
  const int node = edit.producer(id, "HardSigmoid");
  if (node < 0) return kNoValue;
  const Attributes& a = edit.node(node).attributes;
  const bool same = std::abs(a.real("alpha", 0.2f) - 1.0f / 6) < 1e-5f && a.real("beta", 0.5f) == 0.5f;
  return same ? edit.node(node).inputs[0] : kNoValue;
}

// x if the value is x * gate(x), in either order.
template <class Gate>
ValueId gated(const Edit& edit, ValueId id, const Gate& gate) {
  const int mul = edit.producer(id, "Mul");
  if (mul < 0) return kNoValue;
  const std::vector<ValueId>& in = edit.node(mul).inputs;
  if (gate(edit, in[1]) == in[0]) return in[0];
  return gate(edit, in[0]) == in[1] ? in[1] : kNoValue;
}

int apply(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!edit.is(i, "Mul") && !edit.is(i, "Div")) continue;
    const ValueId out = edit.node(i).outputs[0];
    ValueId x = gated(edit, out, hard_sigmoid);
    if (const ValueId six_times = times(edit, out, 1.0 / 6); x == kNoValue && six_times != kNoValue) {
      x = gated(edit, six_times, clipped);
    }
    if (x != kNoValue) edit.produce(out, "HardSwish", {x}, {}, {}, edit.domain_for("HardSwish"));
  }
  return edit.finish();
}

Graph sample(int form) {
  Graph g;
  g.opsets[""] = form == 2 ? 14 : 13;
  const ValueId x = g.add_input("x", DType::f32, {2, 5});
  const auto number = [&](const char* name, float v) { return g.add_initializer(name, Tensor::scalar(v)); };
  if (form == 2) {
    Attributes a;
    a.set("alpha", 1.0f / 6);
    a.set("beta", 0.5f);
    g.outputs = {g.add_node("Mul", {g.add_node("HardSigmoid", {x}, a), x})};
    return g;
  }
  const ValueId c =
      g.add_node("Clip", {g.add_node("Add", {x, number("three", 3)}), number("zero", 0), number("six", 6)});
  const ValueId sixth = g.find("six");
  g.outputs = {form == 0 ? g.add_node("Div", {g.add_node("Mul", {x, c}), sixth})
                         : g.add_node("Mul", {x, g.add_node("Div", {c, sixth})})};
  return g;
}

std::vector<Graph> samples() { return {sample(0), sample(1), sample(2)}; }

}  // namespace

Rewrite recognize_hard_swish() {
  return {"recognize_hard_swish", "Add, Clip, Mul, Div spelled out become HardSwish", apply, samples};
}

}  // namespace octet::rewrite
