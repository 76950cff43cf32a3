// x * sigmoid(x) is Silu (domain "octet": ONNX has no operator for it before opset 24).
// Source: Elfwing et al. 2017 (arXiv 1702.03118).
#include "octet/rewrite/match.h"
#include "octet/rewrite/table.h"

namespace octet::rewrite {
namespace {

int apply(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!edit.is(i, "Sigmoid")) continue;
    const ValueId x = edit.node(i).inputs[0], gate = edit.node(i).outputs[0];
    const int mul = edit.only_reader(gate, "Mul");
    if (mul < 0 || edit.other_input(mul, gate) != x) continue;
    graph.opsets["octet"] = 1;
    edit.produce(edit.node(mul).outputs[0], "Silu", {x}, {}, {}, "octet");
  }
  return edit.finish();
}

std::vector<Graph> samples() {
  Graph g;
  g.opsets[""] = 13;
  const ValueId x = g.add_input("x", DType::f32, {2, 5});
  g.outputs = {g.add_node("Mul", {x, g.add_node("Sigmoid", {x})})};
  return {g};
}

}  // namespace

Rewrite recognize_silu() { return {"recognize_silu", "Sigmoid and Mul become Silu", apply, samples}; }

}  // namespace octet::rewrite
