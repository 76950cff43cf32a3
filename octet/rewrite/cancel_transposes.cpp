// Two Transposes in a row become one: perm'[i] = first[second[i]]. drop_identities removes those that
// then change nothing.
#include <algorithm>

#include "octet/rewrite/edit.h"
#include "octet/rewrite/table.h"

namespace octet::rewrite {
namespace {

// The order a Transpose puts its axes in; without "perm" it reverses them.
std::vector<std::int64_t> order_of(const Edit& edit, const Node& node) {
  std::vector<std::int64_t> order = node.attributes.integers("perm");
  const int rank = edit.rank(node.inputs[0]);
  for (int axis = rank - 1; order.size() < static_cast<std::size_t>(std::max(rank, 0)) && axis >= 0; --axis) {
    order.push_back(axis);
  }
  return order;
}

int apply(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!edit.is(i, "Transpose")) continue;
    Node& second = edit.node(i);
    const int producer = edit.producer(second.inputs[0], "Transpose");
    if (producer < 0) continue;
    const std::vector<std::int64_t> a = order_of(edit, edit.node(producer)), b = order_of(edit, second);
    if (a.empty() || a.size() != b.size()) continue;
    std::vector<std::int64_t> both;
    for (const std::int64_t axis : b) both.push_back(a[static_cast<std::size_t>(axis)]);
    second.attributes.set("perm", both);
    second.inputs[0] = edit.node(producer).inputs[0];
    edit.count();
  }
  return edit.finish();
}

std::vector<Graph> samples() {
  Graph g;
  g.opsets[""] = 13;
  const ValueId x = g.add_input("x", DType::f32, {2, 3, 4});
  Attributes order;
  order.set("perm", std::vector<std::int64_t>{1, 2, 0});
  g.outputs = {g.add_node("Transpose", {g.add_node("Transpose", {x}, order)})};
  return {g};
}

}  // namespace

Rewrite cancel_transposes() {
  return {"cancel_transposes", "joins Transposes that follow one another", apply, samples};
}

}  // namespace octet::rewrite
