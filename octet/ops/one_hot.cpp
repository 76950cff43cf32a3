// OneHot: y[..., indices[...], ...] = on along a new axis, off elsewhere; an index out of range gives no `on`.
//   values = [off, on]; indices in [-depth, depth).  Source: ONNX OneHot-9, OneHot-11.
#include "octet/ops/fill.h"
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

void infer(InferContext& ctx) {
  if (!ctx.has_shape(0)) return ctx.set_output(0, ctx.dtype(2));
  SymbolicShape shape = ctx.shape(0);
  const int axis = normalize_axis(ctx.attributes().integer("axis", -1), ctx.rank(0) + 1);
  const auto depth = ctx.elements(1);
  Dim dim = depth && depth->size() == 1 ? (*depth)[0] : Dim();
  if (const Tensor* constant = ctx.constant(1); constant != nullptr && constant->elements() == 1)
    dim = Dim(constant->to_int64()[0]);
  shape.insert(shape.begin() + axis, dim);
  ctx.set_output(0, ctx.dtype(2), shape);
}

void eval(EvalContext& ctx) {
  const Tensor &indices = ctx.input(0), &values = ctx.input(2);
  if (ctx.input(1).elements() != 1 || values.elements() != 2) {
    throw ctx.error(ErrorKind::bad_input, "OneHot takes one depth and two values")
        .value(to_string(ctx.input(1).shape()) + " and " + to_string(values.shape()));
  }
  const std::int64_t depth = ctx.input(1).to_int64()[0];
  const int axis = normalize_axis(ctx.attributes().integer("axis", -1), indices.rank() + 1);
  Shape shape;
  for (int i = 0; i <= indices.rank(); ++i) shape.push_back(i == axis ? depth : indices.dim(i < axis ? i : i - 1));
  Tensor& y = ctx.output(0, values.dtype(), shape);
  const std::size_t item = size_of(values.dtype());
  const auto* off = static_cast<const std::byte*>(values.raw());
  auto* to = static_cast<std::byte*>(y.raw());
  fill(item, off, to, y.elements());
  const std::int64_t inner = indices.shape().elements(axis, indices.rank());
  std::int64_t position = 0;
  for (std::int64_t index : indices.to_int64()) {
    if (index < 0) index += depth;
    const std::int64_t outer = position / inner, at = position % inner;
    ++position;
    if (index < 0 || index >= depth) continue;
    std::memcpy(to + static_cast<std::size_t>((outer * depth + index) * inner + at) * item, off + item, item);
  }
}

std::vector<Sample> samples(Random&) {
  std::vector<Sample> out;
  const Tensor values = Tensor::from<float>({2}, {-1, 2});
  out.push_back({.attributes = {}, .inputs = {int64_tensor({0, 7, -2}), Tensor::scalar<std::int64_t>(5), values}});
  Sample first{.attributes = {},
               .inputs = {Tensor::from<float>({2, 2}, {1, 9, -10, 4}), Tensor::scalar(10.0f), values}};
  first.attributes.set("axis", std::int64_t{1});
  out.push_back(first);
  first.attributes.set("axis", std::int64_t{-3});
  first.inputs[2] = Tensor::from<std::int32_t>({2}, {0, 1});
  out.push_back(first);
  out.push_back({.attributes = {}, .inputs = {Tensor::scalar<std::int64_t>(1), int64_tensor({3}), values}});
  out.push_back({.attributes = {}, .inputs = {int64_tensor({}), Tensor::scalar<std::int64_t>(3), values}});
  return out;
}

}  // namespace

Rows one_hot() {
  return {{
      .name = "OneHot",
      .since = 9,
      .inputs = {3, 3},
      .attributes = {"axis"},
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
