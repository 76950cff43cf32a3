// Expand, Tile: repeat a tensor by broadcasting or side by side.
// Source: ONNX Expand-8, Tile-6, Tile-13.
#include <algorithm>

#include "octet/base/checked.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/movement.h"
#include "octet/ops/movement_gradient.h"
#include "octet/ops/op_list.h"
#include "octet/ops/strided_copy.h"

namespace octet::ops {
namespace {

void infer_expand(InferContext& ctx) {
  if (!ctx.has_shape(0)) return ctx.set_output(0, ctx.dtype(0));
  if (ctx.elements(1)) {
    const SymbolicShape shape = broadcast(ctx.shape(0), dims_from(ctx, 1));
    ctx.set_output(0, ctx.dtype(0), shape);
    const auto elements = ctx.elements(0);
    const auto whole = static_shape(shape);
    const bool repeats = elements && elements->size() == 1 && whole && whole->rank() <= 1 && whole->elements() <= 1024;
    if (repeats) ctx.set_elements(0, SymbolicShape(static_cast<std::size_t>(whole->elements()), (*elements)[0]));
    return;
  }
  const bool counted = ctx.has_shape(1) && ctx.rank(1) == 1 && ctx.shape(1)[0].known();
  if (!counted) return ctx.set_output(0, ctx.dtype(0));
  const auto rank = static_cast<std::size_t>(ctx.shape(1)[0].value);
  check_rank(rank);
  ctx.set_output(0, ctx.dtype(0), broadcast(ctx.shape(0), SymbolicShape(rank)));
}

void eval_expand(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  const Shape shape = broadcast(x.shape(), shape_from(ctx, ctx.input(1)));
  Tensor& y = ctx.output(0, x.dtype(), shape);
  const auto from = strides_of(x.shape()), to = strides_of(shape);
  const int missing = shape.rank() - x.rank();
  StridedCopy copy;
  for (int i = 0; i < shape.rank(); ++i) {
    const bool repeats = i < missing || x.dim(i - missing) == 1;
    copy.add(shape[i], repeats ? 0 : from[static_cast<std::size_t>(i - missing)], to[static_cast<std::size_t>(i)]);
  }
  copy.run(ctx.threads(), size_of(x.dtype()), x.raw(), y.raw());
}

Error wrong_repeats(std::int64_t got, int rank) {
  return Error(ErrorKind::bad_input, "Tile takes one repeat for each dimension")
      .value(std::to_string(got))
      .expected(std::to_string(rank));
}

void infer_tile(InferContext& ctx) {
  if (!ctx.has_shape(0)) return ctx.set_output(0, ctx.dtype(0));
  const auto repeats = ctx.elements(1);
  if (!repeats) return set_output_rank(ctx, 0, ctx.dtype(0), ctx.shape(0).size());
  SymbolicShape shape = ctx.shape(0);
  if (repeats->size() != shape.size()) throw wrong_repeats(static_cast<std::int64_t>(repeats->size()), ctx.rank(0));
  for (std::size_t i = 0; i < shape.size(); ++i) shape[i] = product({shape[i], (*repeats)[i]}, 0, 2);
  ctx.set_output(0, ctx.dtype(0), shape);
}

void eval_tile(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  const std::vector<std::int64_t> repeats = ctx.input(1).to_int64();
  if (repeats.size() != static_cast<std::size_t>(x.rank())) {
    throw wrong_repeats(static_cast<std::int64_t>(repeats.size()), x.rank());
  }
  Shape shape;
  for (int i = 0; i < x.rank(); ++i) shape.push_back(checked_mul(x.dim(i), repeats[static_cast<std::size_t>(i)]));
  Tensor& y = ctx.output(0, x.dtype(), shape);
  if (y.elements() == 0) return;
  const auto from = strides_of(x.shape()), to = strides_of(shape);
  StridedCopy copy;
  for (std::size_t i = 0; i < repeats.size(); ++i) {
    const std::int64_t dim = x.dim(static_cast<int>(i));
    copy.add(repeats[i], 0, to[i] * dim);
    copy.add(dim, from[i], to[i]);
  }
  copy.run(ctx.threads(), size_of(x.dtype()), x.raw(), y.raw());
}

using Case = std::pair<Shape, std::vector<std::int64_t>>;

std::vector<Sample> make_samples(Random& random, std::initializer_list<Case> cases) {
  std::vector<Sample> out;
  constexpr DType kTypes[] = {DType::f32, DType::u8, DType::i64, DType::f16, DType::boolean};
  for (const auto& [shape, values] : cases) {
    const DType dtype = kTypes[out.size() % std::size(kTypes)];
    const auto count = static_cast<std::int64_t>(values.size());
    out.push_back(
        {.attributes = {},
         .inputs = {random_tensor(random, dtype, shape, -9, 9), Tensor::from<std::int64_t>({count}, values)}});
  }
  return out;
}

std::vector<Sample> expand_samples(Random& random) {
  return make_samples(random, {{{3, 1}, {2, 3, 4}},
                               {{}, {2, 2}},
                               {{5}, {1}},
                               {{2, 1, 3}, {2, 1}},
                               {{1, 3}, {0, 3}},
                               {{4}, {}},
                               {{1, 2, 1, 2, 1, 2}, {3, 2, 2, 2, 1, 2}}});
}

std::vector<Sample> tile_samples(Random& random) {
  return make_samples(random, {{{2, 3}, {2, 2}},
                               {{}, {}},
                               {{3}, {0}},
                               {{2, 3, 4}, {1, 2, 1}},
                               {{0, 2}, {3, 2}},
                               {{1, 2, 1, 2, 1, 2}, {2, 1, 3, 1, 1, 2}}});
}

}  // namespace

Rows expand() {
  return {
      {.name = "Expand",
       .since = 8,
       .inputs = {2, 2},
       .infer = infer_expand,
       .eval = eval_expand,
       .gradient = [](GradientContext& ctx) { ctx.set_sum(0, ctx.output_gradient()); },
       .quant = {.kind = QuantRule::Kind::pass_through},
       .samples = expand_samples},
      {.name = "Tile",
       .since = 6,
       .inputs = {2, 2},
       .infer = infer_tile,
       .eval = eval_tile,
       .gradient = gradient_of_movement,
       .quant = {.kind = QuantRule::Kind::pass_through},
       .samples = tile_samples},
  };
}

}  // namespace octet::ops
