// CenterCropPad: cut or zero-padded about the middle to the given sizes.  Source: ONNX CenterCropPad-18.
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"
#include "octet/ops/strided_copy.h"

namespace octet::ops {
namespace {

std::vector<int> axes_of(const Attributes& attributes, int rank) {
  if (attributes.has("axes")) return unique_axes(attributes.integers("axes"), rank);
  std::vector<int> all;
  for (int i = 0; i < rank; ++i) all.push_back(i);
  return all;
}

void check_length(std::size_t got, std::size_t expected) {
  if (got == expected) return;
  throw Error(ErrorKind::bad_input, "CenterCropPad takes one size for each axis")
      .value(std::to_string(got))
      .expected(std::to_string(expected));
}

void infer(InferContext& ctx) {
  if (!ctx.has_shape(0)) return ctx.set_output(0, ctx.dtype(0));
  SymbolicShape shape = ctx.shape(0);
  const std::vector<int> axes = axes_of(ctx.attributes(), ctx.rank(0));
  SymbolicShape sizes(axes.size());
  if (ctx.elements(1)) sizes = dims_from(ctx, 1);
  check_length(sizes.size(), axes.size());
  for (std::size_t i = 0; i < axes.size(); ++i) shape[static_cast<std::size_t>(axes[i])] = sizes[i];
  ctx.set_output(0, ctx.dtype(0), shape);
}

void eval(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  const Shape sizes = shape_from(ctx, ctx.input(1));
  const std::vector<int> axes = axes_of(ctx.attributes(), x.rank());
  check_length(static_cast<std::size_t>(sizes.rank()), axes.size());
  Shape shape = x.shape();
  for (std::size_t i = 0; i < axes.size(); ++i) shape[axes[i]] = sizes[static_cast<int>(i)];
  Tensor& y = ctx.output(0, x.dtype(), shape);
  if (y.bytes() != 0) std::memset(y.raw(), 0, y.bytes());
  const auto from = strides_of(x.shape()), to = strides_of(shape);
  const std::size_t item = size_of(x.dtype());
  StridedCopy copy;
  std::int64_t first = 0, target = 0;
  for (int i = 0; i < x.rank(); ++i) {
    const auto axis = static_cast<std::size_t>(i);
    copy.add(std::min(x.dim(i), shape[i]), from[axis], to[axis]);
    if (x.dim(i) > shape[i]) first += (x.dim(i) - shape[i]) / 2 * from[axis];
    if (x.dim(i) < shape[i]) target += (shape[i] - x.dim(i)) / 2 * to[axis];
  }
  copy.run(ctx.threads(), item, static_cast<const std::byte*>(x.raw()) + first * static_cast<std::int64_t>(item),
           static_cast<std::byte*>(y.raw()) + target * static_cast<std::int64_t>(item));
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  out.push_back({.attributes = {},
                 .inputs = {random_tensor(random, DType::f32, {20, 10, 3}), int64_tensor({10, 7, 3})},
                 .opset = 18});
  out.push_back(
      {.attributes = {}, .inputs = {random_tensor(random, DType::u8, {4, 5}), int64_tensor({7, 2})}, .opset = 18});
  Sample axes{
      .attributes = {}, .inputs = {random_tensor(random, DType::f32, {3, 6, 4}), int64_tensor({5, 9})}, .opset = 18};
  axes.attributes.set("axes", std::vector<std::int64_t>{-1, 1});
  out.push_back(axes);
  return out;
}

}  // namespace

Rows center_crop_pad() {
  return {{
      .name = "CenterCropPad",
      .since = 18,
      .inputs = {2, 2},
      .attributes = {"axes"},
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
