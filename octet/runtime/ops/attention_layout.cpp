#include <algorithm>

#include "octet/runtime/ops/attention.h"

namespace octet::runtime {
namespace {

Shape shape_of(const View& view) { return Shape(view.dims); }

// Steps of a matrix of `view` along the leading axes of `lead`; 0 where it is repeated.
std::vector<std::int64_t> lead_steps(const View& view, const Shape& lead) {
  std::vector<std::int64_t> out(static_cast<std::size_t>(lead.rank()), 0);
  const std::size_t missing = static_cast<std::size_t>(lead.rank()) + 2 - view.dims.size();
  for (std::size_t i = missing; i < out.size(); ++i) {
    if (view.dims[i - missing] != 1) out[i] = view.strides[i - missing];
  }
  return out;
}

AttentionOperand operand_of(const View& view, const Shape& lead) {
  const std::size_t rank = view.dims.size();
  return {view.dims[rank - 2], view.dims[rank - 1], view.strides[rank - 2], view.strides[rank - 1],
          lead_steps(view, lead)};
}

AttentionOperand mask_of(const Shape& shape, const Shape& lead) {
  View view = permuted_view(shape, {});
  while (view.dims.size() < 2) {
    view.dims.insert(view.dims.begin(), 1);
    view.strides.insert(view.strides.begin(), 0);
  }
  AttentionOperand mask = operand_of(view, lead);
  if (mask.rows == 1) mask.row_step = 0;
  return mask;
}

}  // namespace

AttentionLayout::AttentionLayout(const PrepareContext& ctx) {
  const Attributes& attributes = ctx.node.attributes;
  const View q_view = permuted_view(*ctx.inputs[0], attributes.integers("q_perm"));
  const View k_view = permuted_view(*ctx.inputs[1], attributes.integers("k_perm"));
  const View v_view = permuted_view(*ctx.inputs[2], attributes.integers("v_perm"));
  const Shape scores = matmul_output(shape_of(q_view), shape_of(k_view));
  const Shape product = matmul_output(scores, shape_of(v_view));
  lead = Shape(product.dims().first(static_cast<std::size_t>(product.rank() - 2)));
  const std::vector<std::int64_t> perm = attributes.integers("y_perm");
  output = shape_of(permuted_view(product, perm));
  q = operand_of(q_view, lead);
  k = operand_of(k_view, lead);
  v = operand_of(v_view, lead);
  y = operand_of(permuted_view(output, inverse_of(perm)), lead);
  if (ctx.inputs.size() > 3 && ctx.inputs[3]) mask = mask_of(*ctx.inputs[3], lead);
}

std::int64_t AttentionLayout::offset(const AttentionOperand& operand, std::int64_t index) const {
  std::int64_t at = 0;
  for (int i = lead.rank() - 1; i >= 0; --i) {
    at += index % lead[i] * operand.lead_steps[static_cast<std::size_t>(i)];
    index /= lead[i];
  }
  return at;
}

std::int64_t AttentionLayout::part_rows(std::int64_t block, std::int64_t most, int threads) const {
  const std::int64_t parts = std::max<std::int64_t>(1, 2 * threads / std::max<std::int64_t>(1, matrices()));
  const std::int64_t share = std::min(most, (q.rows + parts - 1) / parts);
  return (share + block - 1) / std::max<std::int64_t>(1, block) * block;
}

}  // namespace octet::runtime
