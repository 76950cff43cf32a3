// Gather: y[..., i, ...] = x[..., indices[i], ...] along one axis.  Source: ONNX Gather-1, Gather-11, Gather-13.
#include "octet/base/checked.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

void infer_elements(InferContext& ctx) {
  const auto elements = ctx.elements(0);
  const auto indices = constant_integers(ctx, 1);
  if (!elements || !indices || ctx.rank(0) != 1 || ctx.rank(1) > 1) return;
  SymbolicShape out;
  const auto size = static_cast<std::int64_t>(elements->size());
  for (const std::int64_t index : *indices) {
    if (index < -size || index >= size) {
      throw Error(ErrorKind::bad_input, "Gather: an index is out of range")
          .value(std::to_string(index))
          .expected("between " + std::to_string(-size) + " and " + std::to_string(size - 1));
    }
    out.push_back((*elements)[static_cast<std::size_t>(index < 0 ? index + size : index)]);
  }
  ctx.set_elements(0, std::move(out));
}

void infer(InferContext& ctx) {
  if (!ctx.has_shape(0) || !ctx.has_shape(1)) return ctx.set_output(0, ctx.dtype(0));
  const int axis = normalize_axis(ctx.attributes().integer("axis", 0), ctx.rank(0));
  SymbolicShape shape = ctx.shape(0);
  const auto at = shape.erase(shape.begin() + axis);
  shape.insert(at, ctx.shape(1).begin(), ctx.shape(1).end());
  ctx.set_output(0, ctx.dtype(0), shape);
  infer_elements(ctx);
}

void eval(EvalContext& ctx) {
  const Tensor &x = ctx.input(0), &indices = ctx.input(1);
  const int axis = normalize_axis(ctx.attributes().integer("axis", 0), x.rank());
  Shape shape;
  for (int i = 0; i < axis; ++i) shape.push_back(x.dim(i));
  for (const std::int64_t dim : indices.shape()) shape.push_back(dim);
  for (int i = axis + 1; i < x.rank(); ++i) shape.push_back(x.dim(i));
  std::vector<std::int64_t> picks = indices.to_int64();
  for (std::int64_t& pick : picks) pick = checked_index(ctx, pick, x.dim(axis));
  Tensor& y = ctx.output(0, x.dtype(), shape);
  if (y.elements() == 0) return;
  const auto count = static_cast<std::int64_t>(picks.size());
  const std::int64_t run = x.shape().elements(axis + 1, x.rank()) * static_cast<std::int64_t>(size_of(x.dtype()));
  const auto* from = static_cast<const std::byte*>(x.raw());
  auto* to = static_cast<std::byte*>(y.raw());
  ctx.threads().parallel_for(x.shape().elements(0, axis) * count, std::max<std::int64_t>(1, 65536 / run),
                             [&](std::int64_t begin, std::int64_t end) {
                               for (std::int64_t i = begin; i < end; ++i) {
                                 const std::int64_t row =
                                     i / count * x.dim(axis) + picks[static_cast<std::size_t>(i % count)];
                                 std::memcpy(to + i * run, from + row * run, static_cast<std::size_t>(run));
                               }
                             });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  const auto add = [&](DType dtype, const Shape& shape, std::int64_t axis, Tensor indices) {
    Sample sample{.attributes = {}, .inputs = {random_tensor(random, dtype, shape, -9, 9), std::move(indices)}};
    sample.attributes.set("axis", axis);
    out.push_back(std::move(sample));
  };
  add(DType::f32, {5, 3}, 0, int64_tensor({4, 0, -1}));
  add(DType::f32, {5, 3}, 1, Tensor::from<std::int32_t>({2, 2}, {0, -3, 2, 1}));
  add(DType::i64, {4}, 0, Tensor::scalar<std::int64_t>(2));
  add(DType::u8, {2, 3, 4}, -2, int64_tensor({1, 1, 0, 2}));
  add(DType::f16, {3, 2}, 0, int64_tensor({}));
  add(DType::boolean, {1, 2, 3, 1, 2, 3}, 5, Tensor::from<std::int64_t>({1}, {-2}));
  add(DType::f32, {0, 3}, 1, int64_tensor({0, 2}));
  return out;
}

void gradient(GradientContext& ctx) {
  const ValueId shape = ctx.shape_of(ctx.input(0));
  ctx.set(0, ctx.emit_own("GatherGrad", {ctx.output_gradient(), ctx.input(1), shape}, ctx.attributes()));
}

}  // namespace

Rows gather() {
  return {{
      .name = "Gather",
      .inputs = {2, 2},
      .attributes = {"axis"},
      .infer = infer,
      .eval = eval,
      .gradient = gradient,
      .quant = {.kind = QuantRule::Kind::pass_through},
      .samples = samples,
  }};
}

}  // namespace octet::ops
