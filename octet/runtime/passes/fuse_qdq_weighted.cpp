// DequantizeLinear on input, weights (and bias) -> Conv, Gemm or MatMul -> [Add] -> [activation] ->
// [QuantizeLinear] becomes one QConv, QLinear or QMatMul.
#include <cmath>

#include "octet/runtime/passes/chain.h"
#include "octet/runtime/passes/passes.h"

namespace octet::runtime {
namespace {

// The bias as the kernels take it: i32 of scale x_scale * w_scale, or f32. Nothing: cannot be read.
std::optional<ValueId> bias_of(Edit& edit, ValueId id, float x_scale, const Tensor& w_scale, std::int64_t columns) {
  if (id == kNoValue) return kNoValue;
  if (const Tensor* constant = edit.constant(id)) {
    const bool fits = constant->dtype() == DType::f32 && (constant->elements() == columns || constant->elements() == 1);
    return fits ? std::optional(id) : std::nullopt;
  }
  const int producer = edit.producer(id, "DequantizeLinear");
  if (producer < 0) return std::nullopt;
  const Node& node = edit.node(producer);
  const Tensor *bytes = edit.constant(node.inputs[0]), *scale = edit.constant(node.inputs[1]);
  if (bytes == nullptr || scale == nullptr || bytes->elements() != columns) return std::nullopt;
  if (bytes->dtype() != DType::i32 || scale->dtype() != DType::f32) return std::nullopt;
  if (scale->elements() != 1 && scale->elements() != columns) return std::nullopt;
  if (node.inputs.size() > 2 && node.inputs[2] != kNoValue) {
    const Tensor* zero = edit.constant(node.inputs[2]);
    if (zero == nullptr) return std::nullopt;
    for (const std::int64_t z : zero->to_int64()) {
      if (z != 0) return std::nullopt;
    }
  }
  Tensor real(DType::f32, {columns});
  bool same_scale = true;
  for (std::int64_t n = 0; n < columns; ++n) {
    const float sx = x_scale * w_scale.data<float>()[w_scale.elements() == 1 ? 0 : n];
    const float sb = scale->data<float>()[scale->elements() == 1 ? 0 : n];
    same_scale = same_scale && std::abs(sx - sb) <= 1e-6f * sb;
    real.data<float>()[n] = static_cast<float>(bytes->data<std::int32_t>()[n]) * sb;
  }
  if (same_scale) return node.inputs[0];
  return add_constant(edit.graph(), edit.graph().value(id).name + "_f32", real);
}

// The Add that joins a constant vector of `columns` floats to the product of node i, or -1.
int added_bias(const Edit& edit, int i, std::int64_t columns) {
  const ValueId product = edit.node(i).outputs[0];
  const int add = edit.only_reader(product, "Add");
  const Tensor* bias = add < 0 ? nullptr : edit.constant(edit.other_input(add, product));
  const bool fits = bias != nullptr && bias->dtype() == DType::f32 && bias->elements() == columns &&
                    bias->rank() <= edit.rank(product) && (bias->rank() == 0 || bias->shape().back() == columns);
  return fits ? add : -1;
}

bool plain_gemm(const Edit& edit, const Node& node) {
  return node.attributes.real("alpha", 1) == 1 && node.attributes.real("beta", 1) == 1 &&
         node.attributes.integer("transA", 0) == 0 && edit.rank(node.inputs[0]) == 2;
}

Attributes with_input(const TensorParams& params) {
  Attributes attributes;
  attributes.set("x_scale", params.scale);
  attributes.set("x_zero", params.zero_point);
  return attributes;
}

void fuse_conv(Edit& edit, int i, const Dequantized& x) {
  const Node& node = edit.node(i);
  const auto w = quantized_weights(edit, node.inputs[1], 0);
  if (!w) return;
  const Tensor &bytes = *edit.constant(w->bytes), &scale = *edit.constant(w->scale);
  if (bytes.rank() != 3 && bytes.rank() != 4) return;
  const ValueId bias_in = node.inputs.size() > 2 ? node.inputs[2] : kNoValue;
  const auto bias = bias_of(edit, bias_in, x.params.scale, scale, bytes.dim(0));
  if (!bias) return;
  Attributes attributes = with_input(x.params);
  for (const auto& [name, value] : node.attributes) attributes.set(name, value);
  attributes.set("channels_last", std::int64_t{0});
  fuse(edit, i, follow(edit, i, true), "QConv", {x.bytes, w->bytes, w->scale, *bias}, std::move(attributes));
}

void fuse_linear(Edit& edit, int i, const Dequantized& x) {
  const Node& node = edit.node(i);
  const bool gemm = node.op_type == "Gemm";
  if (gemm && !plain_gemm(edit, node)) return;
  const std::int64_t transposed = gemm ? node.attributes.integer("transB", 0) : 0;
  const int axis = transposed != 0 ? 0 : 1;
  const auto w = quantized_weights(edit, node.inputs[1], axis);
  if (!w || edit.constant(w->bytes)->rank() != 2 || edit.rank(x.bytes) < 2) return;
  ValueId bias_in = node.inputs.size() > 2 ? node.inputs[2] : kNoValue;
  const std::int64_t columns = edit.constant(w->bytes)->dim(axis);
  int start = i;
  if (const int add = gemm ? -1 : added_bias(edit, i, columns); add >= 0) {
    bias_in = edit.other_input(add, node.outputs[0]);
    start = add;
  }
  const auto bias = bias_of(edit, bias_in, x.params.scale, *edit.constant(w->scale), columns);
  if (!bias) return;
  Attributes attributes = with_input(x.params);
  attributes.set("transB", transposed);
  Chain chain = follow(edit, start, true);
  if (start != i) chain.nodes.push_back(start);
  fuse(edit, i, chain, "QLinear", {x.bytes, w->bytes, w->scale, *bias}, std::move(attributes));
}

void fuse_matmul(Edit& edit, int i, const Dequantized& a) {
  const auto b = dequantized(edit, edit.node(i).inputs[1]);
  if (!b || edit.rank(a.bytes) < 2 || edit.rank(b->bytes) < 2 || edit.rank(a.bytes) != edit.rank(b->bytes)) return;
  Attributes attributes = with_input(a.params);
  attributes.set("w_scale", b->params.scale);
  attributes.set("w_zero", b->params.zero_point);
  fuse(edit, i, follow(edit, i, true), "QMatMul", {a.bytes, b->bytes}, std::move(attributes));
}

}  // namespace

int fuse_qdq_weighted(Graph& graph) {
  Edit edit(graph);
  for (int i = 0; i < edit.node_count(); ++i) {
    const bool conv = edit.is(i, "Conv"), matmul = edit.is(i, "MatMul");
    if (!conv && !matmul && !edit.is(i, "Gemm")) continue;
    const auto x = dequantized(edit, edit.node(i).inputs[0]);
    if (!x) continue;
    if (conv) {
      fuse_conv(edit, i, *x);
    } else if (matmul && dequantized(edit, edit.node(i).inputs[1])) {
      fuse_matmul(edit, i, *x);
    } else {
      fuse_linear(edit, i, *x);
    }
  }
  return edit.finish();
}

}  // namespace octet::runtime
