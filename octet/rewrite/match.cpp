#include "octet/rewrite/match.h"

namespace octet::rewrite {

std::vector<std::int64_t> reduced_axes(const Edit& edit, const Node& node, int rank) {
  if (rank < 0) return {};
  std::vector<std::int64_t> axes = node.attributes.integers("axes");
  if (node.inputs.size() > 1 && node.inputs[1] != kNoValue) {
    const Tensor* given = edit.constant(node.inputs[1]);
    if (given == nullptr) return {};
    axes = given->to_int64();
  }
  if (axes.empty() && node.attributes.integer("noop_with_empty_axes", 0) == 0) {
    for (int axis = 0; axis < rank; ++axis) axes.push_back(axis);
  }
  for (std::int64_t& axis : axes) axis = normalize_axis(axis, rank);
  return axes;
}

ValueId times(const Edit& edit, ValueId id, double number) {
  if (const int mul = edit.producer(id, "Mul"); mul >= 0) {
    const std::vector<ValueId>& in = edit.node(mul).inputs;
    if (edit.is_scalar(in[1], number)) return in[0];
    if (edit.is_scalar(in[0], number)) return in[1];
  }
  if (const int div = edit.producer(id, "Div"); div >= 0) {
    const std::vector<ValueId>& in = edit.node(div).inputs;
    if (edit.is_scalar(in[1], 1 / number)) return in[0];
  }
  return kNoValue;
}

ValueId plus(const Edit& edit, ValueId id, double number) {
  const int add = edit.producer(id, "Add");
  if (add < 0) return kNoValue;
  const std::vector<ValueId>& in = edit.node(add).inputs;
  if (edit.is_scalar(in[1], number)) return in[0];
  if (edit.is_scalar(in[0], number)) return in[1];
  return kNoValue;
}

}  // namespace octet::rewrite
