// 0.5 * x * (1 + erf(x / sqrt(2))), the factors in any order, is Gelu.
// Source: Hendrycks and Gimpel 2016 (arXiv 1606.08415); ONNX Gelu-20.
#include <cmath>

#include "octet/rewrite/match.h"
#include "octet/rewrite/table.h"

namespace octet::rewrite {
namespace {

// With a = 1 + erf(x / sqrt 2) given: the value of 0.5 * x * a, or kNoValue.
ValueId product(const Edit& edit, ValueId a, ValueId x) {
  const int first = edit.only_reader(a, "Mul");
  if (first < 0) return kNoValue;
  const ValueId other = edit.other_input(first, a), out = edit.node(first).outputs[0];
  if (other == kNoValue) return kNoValue;
  if (times(edit, other, 0.5) == x) return out;
  if (other != x && !edit.is_scalar(other, 0.5)) return kNoValue;
  if (other == x) {
    for (const char* op : {"Mul", "Div"}) {
      const int second = edit.only_reader(out, op);
      if (second >= 0 && times(edit, edit.node(second).outputs[0], 0.5) == out) return edit.node(second).outputs[0];
    }
    return kNoValue;
  }
  const int second = edit.only_reader(out, "Mul");
  return second >= 0 && edit.other_input(second, out) == x ? edit.node(second).outputs[0] : kNoValue;
}

int apply(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!edit.is(i, "Erf")) continue;
    const ValueId erf = edit.node(i).outputs[0];
    const ValueId x = times(edit, edit.node(i).inputs[0], std::sqrt(0.5));
    const int add = edit.only_reader(erf, "Add");
    if (x == kNoValue || add < 0) continue;
    const ValueId a = edit.node(add).outputs[0];
    if (plus(edit, a, 1) != erf) continue;
    const ValueId out = product(edit, a, x);
    if (out != kNoValue) edit.produce(out, "Gelu", {x}, {}, {}, edit.domain_for("Gelu"));
  }
  return edit.finish();
}

Graph sample(int order) {
  Graph g;
  g.opsets[""] = 13;
  const ValueId x = g.add_input("x", DType::f32, {2, 5});
  const auto number = [&](const char* name, float v) { return g.add_initializer(name, Tensor::scalar(v)); };
  const ValueId t = order == 0 ? g.add_node("Div", {x, number("r", std::sqrt(2.0f))})
                               : g.add_node("Mul", {x, number("r", std::sqrt(0.5f))});
  const ValueId a = g.add_node("Add", {g.add_node("Erf", {t}), number("one", 1)});
  const ValueId half = number("half", 0.5f);
  if (order == 0) {
    g.outputs = {g.add_node("Mul", {g.add_node("Mul", {x, a}), half})};
  } else if (order == 1) {
    g.outputs = {g.add_node("Mul", {g.add_node("Mul", {x, half}), a})};
  } else {
    g.outputs = {g.add_node("Mul", {g.add_node("Mul", {half, a}), x})};
  }
  return g;
}

std::vector<Graph> samples() { return {sample(0), sample(1), sample(2)}; }

}  // namespace

Rewrite recognize_gelu() { return {"recognize_gelu", "Erf, Add, Mul spelled out become Gelu", apply, samples}; }

}  // namespace octet::rewrite
