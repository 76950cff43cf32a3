// Conv, Gemm and MatMul in float with what follows them -> runtime Conv, Linear, MatMul.
#include "octet/runtime/passes/chain.h"
#include "octet/runtime/passes/passes.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {
namespace {

bool is_f32(const Edit& edit, ValueId id) { return edit.graph().value(id).type.dtype == DType::f32; }

// A constant vector of `columns` numbers (whatever its unit dimensions), or one number.
bool is_bias(const Edit& edit, ValueId id, std::int64_t columns) {
  const Tensor* bias = edit.constant(id);
  return bias != nullptr && bias->dtype() == DType::f32 && (bias->elements() == columns || bias->elements() == 1) &&
         (bias->rank() == 0 || bias->shape().back() == bias->elements());
}

void fuse_conv(Edit& edit, int i) {
  const Node& node = edit.node(i);
  const int rank = edit.rank(node.inputs[1]);
  if (!edit.shape(node.inputs[1]) || (rank != 3 && rank != 4)) return;
  const ValueId bias = node.inputs.size() > 2 ? node.inputs[2] : kNoValue;
  Attributes attributes = node.attributes;
  attributes.set("channels_last", std::int64_t{0});
  // Weights that come with each run (training) make floats.
  const bool constant =
      edit.constant(node.inputs[1]) != nullptr && (bias == kNoValue || edit.constant(bias) != nullptr);
  fuse(edit, i, follow(edit, i, constant), "Conv", {node.inputs[0], node.inputs[1], bias}, std::move(attributes));
}

// MatMul by constant weights, with the Add of a constant vector as its bias.
void fuse_weighted_matmul(Edit& edit, int i) {
  const Node& node = edit.node(i);
  const ValueId x = node.inputs[0], w = node.inputs[1];
  const std::int64_t columns = edit.constant(w)->dim(1);
  ValueId bias = kNoValue;
  int start = i;
  if (const int add = edit.only_reader(node.outputs[0], "Add"); add >= 0) {
    const ValueId other = edit.other_input(add, node.outputs[0]);
    const int rank = edit.rank(node.outputs[0]);
    if (other != kNoValue && is_bias(edit, other, columns) && edit.constant(other)->rank() <= rank) {
      bias = other;
      start = add;
    }
  }
  Chain chain = follow(edit, start, false);
  if (start != i) chain.nodes.push_back(start);
  fuse(edit, i, chain, "Linear", {x, w, bias}, {});
}

void fuse_matmul(Edit& edit, int i) {
  const Node& node = edit.node(i);
  const Tensor* w = edit.constant(node.inputs[1]);
  const int rank_a = edit.rank(node.inputs[0]), rank_b = edit.rank(node.inputs[1]);
  if (rank_a < 2 || rank_b < 2) return;
  if (w != nullptr && w->rank() == 2) return fuse_weighted_matmul(edit, i);
  fuse(edit, i, follow(edit, i, false), "MatMul", {node.inputs[0], node.inputs[1]}, {});
}

// Gemm of two activations (training: weights and gradients) as MatMul of transposed operands. What is added stays an
// Add; where the first operand is transposed, its copy is one step of its own.
void fuse_loose_gemm(Edit& edit, int i) {
  const Node& node = edit.node(i);
  const Attributes& a = node.attributes;
  const ValueId addend = node.inputs.size() > 2 ? node.inputs[2] : kNoValue;
  const bool adds = addend != kNoValue && a.real("beta", 1) != 0;
  const Tensor* added = addend == kNoValue ? nullptr : edit.constant(addend);
  const bool nothing = !adds || (added != nullptr && added->elements() == 1 && added->to_double()[0] == 0);
  if (a.real("alpha", 1) != 1 || (!nothing && a.real("beta", 1) != 1)) return;
  if (!edit.shape(node.inputs[0]) || !edit.shape(node.inputs[1])) return;
  Attributes form, swap;
  swap.set("perm", std::vector<std::int64_t>{1, 0});
  ValueId left = node.inputs[0];
  const ValueId right = node.inputs[1], y = node.outputs[0];
  const std::string name = node.name;
  if (a.integer("transB", 0) != 0) form.set("b_perm", std::vector<std::int64_t>{1, 0});
  if (a.integer("transA", 0) != 0) {
    const TypeInfo& type = edit.graph().value(left).type;
    const ValueId turned = edit.graph().add_value({}, {type.dtype, SymbolicShape{(*type.shape)[1], (*type.shape)[0]}});
    edit.produce_new(turned, "Transpose", {left}, swap);
    left = turned;
  }
  edit.remove(i);
  if (nothing) return edit.produce(y, "MatMul", {left, right}, form, name, kDomain);
  const ValueId product = edit.graph().add_value({}, edit.graph().value(y).type);
  edit.produce_new(product, "MatMul", {left, right}, form, kDomain);
  edit.produce(y, "Add", {product, addend}, {}, name);
}

void fuse_gemm(Edit& edit, int i) {
  const Node& node = edit.node(i);
  const Tensor* w = edit.constant(node.inputs[1]);
  const Attributes& a = node.attributes;
  if (w == nullptr || a.integer("transA", 0) != 0) return fuse_loose_gemm(edit, i);
  if (a.real("alpha", 1) != 1 || a.real("beta", 1) != 1) return;
  const std::int64_t transposed = a.integer("transB", 0), columns = w->dim(transposed != 0 ? 0 : 1);
  const ValueId bias = node.inputs.size() > 2 ? node.inputs[2] : kNoValue;
  if (bias != kNoValue && !is_bias(edit, bias, columns)) return;
  Attributes attributes;
  attributes.set("transB", transposed);
  fuse(edit, i, follow(edit, i, false), "Linear", {node.inputs[0], node.inputs[1], bias}, std::move(attributes));
}

}  // namespace

int fuse_float(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    const bool conv = edit.is(i, "Conv"), matmul = edit.is(i, "MatMul"), gemm = edit.is(i, "Gemm");
    if ((!conv && !matmul && !gemm) || !is_f32(edit, edit.node(i).inputs[0])) continue;
    if (conv) fuse_conv(edit, i);
    if (matmul) fuse_matmul(edit, i);
    if (gemm) fuse_gemm(edit, i);
  }
  return edit.finish();
}

}  // namespace octet::runtime
