// Transpose: axes in another order; without `perm`, reversed.  Source: ONNX Transpose-13.
#include "octet/ops/gradient_context.h"
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"
#include "octet/ops/strided_copy.h"

namespace octet::ops {
namespace {

std::vector<int> permutation(const Attributes& attributes, int rank) {
  std::vector<int> perm;
  if (!attributes.has("perm")) {
    for (int i = rank - 1; i >= 0; --i) perm.push_back(i);
    return perm;
  }
  const std::vector<std::int64_t> given = attributes.integers("perm");
  if (given.size() != static_cast<std::size_t>(rank)) {
    throw Error(ErrorKind::bad_input, "Transpose: perm must name every axis once")
        .value(std::to_string(given.size()) + " axes")
        .expected(std::to_string(rank));
  }
  return unique_axes(given, rank);
}

void infer(InferContext& ctx) {
  if (!ctx.has_shape(0)) return ctx.set_output(0, ctx.dtype(0));
  SymbolicShape shape;
  for (const int axis : permutation(ctx.attributes(), ctx.rank(0))) {
    shape.push_back(ctx.shape(0)[static_cast<std::size_t>(axis)]);
  }
  ctx.set_output(0, ctx.dtype(0), shape);
}

void eval(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  const std::vector<int> perm = permutation(ctx.attributes(), x.rank());
  Shape shape;
  for (const int axis : perm) shape.push_back(x.dim(axis));
  Tensor& y = ctx.output(0, x.dtype(), shape);
  const auto from = strides_of(x.shape()), to = strides_of(shape);
  StridedCopy copy;
  for (std::size_t i = 0; i < perm.size(); ++i) {
    copy.add(shape[static_cast<int>(i)], from[static_cast<std::size_t>(perm[i])], to[i]);
  }
  copy.run(ctx.threads(), size_of(x.dtype()), x.raw(), y.raw());
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  const auto add = [&](DType dtype, const Shape& shape, std::vector<std::int64_t> perm) {
    Sample sample{.attributes = {}, .inputs = {random_tensor(random, dtype, shape, -9, 9)}};
    sample.attributes.set("perm", std::move(perm));
    out.push_back(std::move(sample));
  };
  out.push_back({.attributes = {}, .inputs = {random_tensor(random, DType::f32, {})}});
  out.push_back({.attributes = {}, .inputs = {random_tensor(random, DType::f32, {2, 3, 4})}});
  out.push_back({.attributes = {}, .inputs = {random_tensor(random, DType::f64, {70, 45})}});
  out.push_back({.attributes = {}, .inputs = {random_tensor(random, DType::f32, {0, 3})}});
  add(DType::f32, {2, 3, 33, 35}, {0, 2, 3, 1});
  add(DType::i8, {2, 33, 35, 3}, {0, 3, 1, 2});
  add(DType::u8, {1, 4, 6, 8}, {0, 2, 1, 3});
  add(DType::f16, {2, 1, 3, 1, 2}, {4, 3, 0, 1, 2});
  add(DType::i64, {2, 3, 2, 2, 3, 2}, {5, 0, 4, 1, 3, 2});
  add(DType::boolean, {3, 5}, {0, 1});
  return out;
}

void gradient(GradientContext& ctx) {
  std::vector<std::int64_t> inverse(static_cast<std::size_t>(ctx.rank(ctx.input(0))));
  const std::vector<std::int64_t> permutation = ctx.attributes().integers("perm");
  for (std::size_t i = 0; i < inverse.size(); ++i) {
    if (permutation.empty()) {
      inverse[i] = static_cast<std::int64_t>(inverse.size() - 1 - i);
    } else {
      inverse[static_cast<std::size_t>(permutation[i])] = static_cast<std::int64_t>(i);
    }
  }
  ctx.set(0, ctx.transpose(ctx.output_gradient(), inverse));
}

}  // namespace

Rows transpose() {
  return {{
      .name = "Transpose",
      .attributes = {"perm"},
      .infer = infer,
      .eval = eval,
      .gradient = gradient,
      .quant = {.kind = QuantRule::Kind::pass_through},
      .samples = samples,
  }};
}

}  // namespace octet::ops
