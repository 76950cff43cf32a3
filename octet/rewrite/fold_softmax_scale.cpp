// Attention scores: softmax((q k^T) * s) or / s becomes softmax((q * s) k^T), where q is the smaller
// tensor: the factor is applied to T x D numbers instead of T x T.
// Source: Vaswani et al. 2017 (arXiv 1706.03762), equation 1.
#include "octet/rewrite/edit.h"
#include "octet/rewrite/table.h"

namespace octet::rewrite {
namespace {

// The scores feed a Softmax, directly or through the Add of a mask.
bool feeds_softmax(const Edit& edit, ValueId id) {
  if (edit.only_reader(id, "Softmax") >= 0) return true;
  const int add = edit.only_reader(id, "Add");
  return add >= 0 && edit.only_reader(edit.node(add).outputs[0], "Softmax") >= 0;
}

int apply(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    const bool multiply = edit.is(i, "Mul");
    if ((!multiply && !edit.is(i, "Div")) || !feeds_softmax(edit, edit.node(i).outputs[0])) continue;
    const Node& scale = edit.node(i);
    const ValueId scores = scale.inputs[0], factor = scale.inputs[1];
    const int product = edit.producer(scores, "MatMul");
    if (product < 0 || !edit.scalar(factor) || !edit.uses().single(scores)) continue;
    const ValueId q = edit.node(product).inputs[0], k = edit.node(product).inputs[1];
    if (edit.constant(q) != nullptr || edit.constant(k) != nullptr) continue;  // a layer, not attention
    const auto rows = edit.shape(q), all = edit.shape(scores);
    if (!rows || !all || rows->elements() > all->elements()) continue;
    const ValueId scaled = graph.add_value(graph.fresh_name(graph.value(q).name + "_scaled"));
    edit.produce_new(scaled, scale.op_type, {q, factor});
    edit.node(product).inputs[0] = scaled;
    edit.node(product).outputs[0] = scale.outputs[0];
    edit.remove(i);
    edit.count();
  }
  return edit.finish();
}

std::vector<Graph> samples() {
  Graph g;
  g.opsets[""] = 13;
  const ValueId q = g.add_input("q", DType::f32, {1, 8, 2}), k = g.add_input("k", DType::f32, {1, 2, 8});
  const ValueId root = g.add_initializer("root", Tensor::scalar(1.4142135f));
  g.outputs = {g.add_node("Softmax", {g.add_node("Div", {g.add_node("MatMul", {q, k}), root})})};
  return {g};
}

}  // namespace

Rewrite fold_softmax_scale() {
  return {"fold_softmax_scale", "scales the smaller factor of attention scores", apply, samples};
}

}  // namespace octet::rewrite
