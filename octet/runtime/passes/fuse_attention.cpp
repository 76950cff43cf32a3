// Product of queries and keys -> scale -> mask -> Softmax -> product with values becomes Attention, with the Transposes
// and factors around it.
#include <algorithm>

#include "octet/runtime/passes/passes.h"
#include "octet/runtime/passes/qdq.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {
namespace {

using Perm = std::vector<std::int64_t>;

// A product of two activations with nothing behind it but a factor, which the second one has not.
bool is_plain_product(const Edit& edit, int i, bool with_factor) {
  if (i < 0 || !edit.is(i, "MatMul", kDomain)) return false;
  const Node& node = edit.node(i);
  return node.inputs.size() == 2 && node.attributes.text("activation", "none") == "none" &&
         !node.attributes.has("a_perm") && !node.attributes.has("b_perm") && !node.attributes.has("y_perm") &&
         !node.attributes.has("after_shift") && (with_factor || !node.attributes.has("after_scale"));
}

// x of x * c, c * x and x / c, `factor` multiplied by what stands beside it.
ValueId without_factor(const Edit& edit, ValueId id, double& factor) {
  if (const int mul = edit.producer(id, "Mul"); mul >= 0) {
    for (const std::size_t slot : {0, 1}) {
      const auto number = edit.scalar(edit.node(mul).inputs[slot]);
      const ValueId x = edit.node(mul).inputs[1 - slot];
      if (!number || edit.rank(x) != edit.rank(id)) continue;
      factor *= *number;
      return x;
    }
  }
  if (const int div = edit.producer(id, "Div"); div >= 0) {
    const auto number = edit.scalar(edit.node(div).inputs[1]);
    if (number && *number != 0 && edit.rank(edit.node(div).inputs[0]) == edit.rank(id)) {
      factor /= *number;
      return edit.node(div).inputs[0];
    }
  }
  return id;
}

struct Operand {
  ValueId id = kNoValue;
  Perm perm;  ///< empty: as it lies
};

// The value behind factors and one Transpose; rows of queries must be contiguous.
Operand look_behind(const Edit& edit, ValueId id, double& factor, bool last_stays) {
  Operand out{without_factor(edit, id, factor), {}};
  const int transpose = edit.producer(out.id, "Transpose");
  if (transpose < 0 || !edit.shape(edit.node(transpose).inputs[0])) return out;
  const Perm perm = edit.node(transpose).attributes.integers("perm");
  if (perm.size() < 2 || (last_stays && perm.back() != static_cast<std::int64_t>(perm.size()) - 1)) return out;
  return {without_factor(edit, edit.node(transpose).inputs[0], factor), perm};
}

bool same_or_one(const Shape& lead_of, const Shape& whole) {
  if (lead_of.rank() != whole.rank()) return false;
  for (int i = 0; i + 2 < whole.rank(); ++i) {
    if (lead_of[i] != whole[i] && lead_of[i] != 1) return false;
  }
  return true;
}

// All known, f32, and of one rank.
bool fits(const Edit& edit, const Node& first, const Node& second) {
  const auto y = edit.shape(second.outputs[0]);
  if (!y || y->rank() < 2) return false;
  for (const ValueId id : {first.inputs[0], first.inputs[1], second.inputs[1]}) {
    const auto shape = edit.shape(id);
    if (!shape || edit.graph().value(id).type.dtype != DType::f32 || !same_or_one(*shape, *y)) return false;
  }
  return true;
}

// A Transpose of what the product gives becomes the attribute y_perm: right behind it, or behind a Quantize, which then
// comes last. Returns the value that Attention computes.
ValueId absorb_output_move(Edit& edit, int product, Attributes& attributes) {
  const ValueId out = edit.node(product).outputs[0];
  const int transpose = edit.only_reader(out, "Transpose");
  const int quantize = transpose < 0 && edit.uses().single(out) ? edit.uses().readers(out).front() : -1;
  const bool behind = quantize >= 0 && edit.is(quantize, "Quantize", kDomain);
  const int move = behind ? edit.only_reader(edit.node(quantize).outputs[0], "Transpose") : transpose;
  if (move < 0) return out;
  const Perm perm = edit.node(move).attributes.integers("perm");
  if (perm.size() < 2 || perm.back() != static_cast<std::int64_t>(perm.size()) - 1) return out;
  attributes.set("y_perm", perm);
  const ValueId moved = edit.node(move).outputs[0];
  if (!behind) {
    edit.remove(product);
    return moved;
  }
  edit.graph().value(out).type.shape = edit.graph().value(moved).type.shape;
  const Attributes as_before = edit.node(quantize).attributes;
  const std::string name = edit.node(quantize).name;
  edit.remove(quantize);
  edit.produce(moved, "Quantize", {out}, as_before, name, kDomain);
  return out;
}

void fuse(Edit& edit, int softmax) {
  const Node& node = edit.node(softmax);
  const bool masked = edit.is(softmax, "MaskedSoftmax", kDomain);
  const int rank = edit.rank(node.inputs[0]);
  const std::int64_t axis = node.attributes.integer("axis", edit.graph().opset() >= 13 ? -1 : 1);
  if (rank < 2 || (!masked && axis != -1 && axis != rank - 1)) return;
  double scale = 1;
  const ValueId scores = without_factor(edit, node.inputs[0], scale);
  const int first = edit.uses().producer(scores);
  const ValueId weights = node.outputs[0];
  if (!is_plain_product(edit, first, true) || !edit.uses().single(scores) || !edit.uses().single(weights)) return;
  const int second = edit.uses().readers(weights).front();
  if (!is_plain_product(edit, second, false) || edit.node(second).inputs[0] != weights) return;
  if (!fits(edit, edit.node(first), edit.node(second))) return;
  if (scores != node.inputs[0] && !edit.uses().single(node.inputs[0])) return;

  scale *= static_cast<double>(edit.node(first).attributes.real("after_scale", 1));
  double ignored = 1;
  const Operand q = look_behind(edit, edit.node(first).inputs[0], scale, true);
  const Operand k = look_behind(edit, edit.node(first).inputs[1], scale, false);
  Operand v{edit.node(second).inputs[1], {}};
  if (const Operand behind = look_behind(edit, v.id, ignored, false); ignored == 1) v = behind;
  Attributes attributes;
  attributes.set("scale", static_cast<float>(scale));
  if (!q.perm.empty()) attributes.set("q_perm", q.perm);
  if (!k.perm.empty()) attributes.set("k_perm", k.perm);
  if (!v.perm.empty()) attributes.set("v_perm", v.perm);
  const ValueId out = absorb_output_move(edit, second, attributes);
  std::vector<ValueId> inputs{q.id, k.id, v.id};
  if (masked) inputs.push_back(node.inputs[1]);
  const std::string name = node.name;
  edit.remove(first);
  edit.remove(softmax);
  edit.produce(out, "Attention", inputs, attributes, name, kDomain);
}

}  // namespace

int fuse_attention(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    if (edit.is(i, "MaskedSoftmax", kDomain) || edit.is(i, "Softmax")) fuse(edit, i);
  }
  return edit.finish();
}

}  // namespace octet::runtime
