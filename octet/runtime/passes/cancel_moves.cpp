// Transposes in a row become one; those that move only dimensions of one become Reshapes, which cost nothing; those
// that do nothing go. So do Gathers of everything in order. Of what only renames dimensions in a row, one Reshape
// stays.
#include <algorithm>
#include <numeric>

#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/qdq.h"

namespace octet::runtime {
namespace {

using Perm = std::vector<std::int64_t>;

Perm order_of(const Edit& edit, const Node& node) {
  Perm perm = node.attributes.integers("perm");
  const int rank = edit.rank(node.outputs[0]);
  if (!perm.empty() || rank < 0) return perm;
  for (int axis = rank - 1; axis >= 0; --axis) perm.push_back(axis);
  return perm;
}

// Whether axes longer than one keep their order.
bool keeps_order(const Shape& shape, const Perm& perm) {
  std::int64_t before = -1;
  for (const std::int64_t axis : perm) {
    if (shape[static_cast<int>(axis)] == 1) continue;
    if (axis < before) return false;
    before = axis;
  }
  return true;
}

int merge(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!edit.is(i, "Transpose")) continue;
    Node& second = edit.node(i);
    const int producer = edit.producer(second.inputs[0], "Transpose");
    if (producer < 0) continue;
    const Perm a = order_of(edit, edit.node(producer)), b = order_of(edit, second);
    if (a.empty() || a.size() != b.size()) continue;
    Perm both;
    for (const std::int64_t axis : b) both.push_back(a[static_cast<std::size_t>(axis)]);
    second.attributes.set("perm", both);
    second.inputs[0] = edit.node(producer).inputs[0];
    edit.count();
  }
  return edit.finish();
}

int simplify(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!edit.is(i, "Transpose")) continue;
    const Node& node = edit.node(i);
    const ValueId in = node.inputs[0], out = node.outputs[0];
    const Perm perm = order_of(edit, node);
    const auto shape = edit.shape(in);
    if (!perm.empty() && std::is_sorted(perm.begin(), perm.end())) {
      edit.replace(out, in);
      edit.remove(i);
      edit.count();
    } else if (shape && shape->elements() != 0 && keeps_order(*shape, perm)) {
      const auto to = edit.shape(out);
      const ValueId dims = add_constant(graph, "shape", Tensor::from<std::int64_t>({to->rank()}, to->dims()));
      edit.produce(out, "Reshape", {in, dims});
    }
  }
  return edit.finish();
}

// Gather of elements 0, 1, ... to the last of the only axis that is longer than one.
bool gathers_all(const Edit& edit, const Node& node) {
  const auto from = edit.shape(node.inputs[0]);
  const Tensor* indices = edit.constant(node.inputs[1]);
  if (!from || indices == nullptr || from->elements() != indices->elements()) return false;
  const int axis = normalize_axis(node.attributes.integer("axis", 0), from->rank());
  if ((*from)[axis] != from->elements()) return false;
  const std::vector<std::int64_t> places = indices->to_int64();
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (places[i] != static_cast<std::int64_t>(i)) return false;
  }
  return true;
}

bool only_renames_dimensions(const Edit& edit, int i) {
  if (edit.is(i, "Gather")) return gathers_all(edit, edit.node(i));
  return edit.is(i, "Reshape") || edit.is(i, "Flatten") || edit.is(i, "Squeeze") || edit.is(i, "Unsqueeze");
}

int merge_reshapes(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (!only_renames_dimensions(edit, i)) continue;
    const Node& node = edit.node(i);
    const ValueId out = node.outputs[0];
    ValueId source = node.inputs[0];
    for (int p; (p = edit.uses().producer(source)) >= 0 && only_renames_dimensions(edit, p);)
      source = edit.node(p).inputs[0];
    const auto to = edit.shape(out);
    if (!to || to->elements() == 0 || (source == node.inputs[0] && !edit.is(i, "Gather"))) continue;
    const ValueId dims = add_constant(graph, "shape", Tensor::from<std::int64_t>({to->rank()}, to->dims()));
    edit.produce(out, "Reshape", {source, dims});
    edit.count();
  }
  return edit.finish();
}

}  // namespace

int cancel_moves(Graph& graph) {
  int total = 0;
  while (const int count = merge(graph)) total += count;
  total += simplify(graph);
  return total + merge_reshapes(graph);
}

}  // namespace octet::runtime
