// GatherElements: y[i, j, k] = x[i, indices[i, j, k], k] (for axis 1); y has the indices' shape.
// GatherND: rows of the indices' last axis are index tuples into x.
// Source: ONNX GatherElements-11, GatherElements-13, GatherND-11, GatherND-12 (batch_dims), GatherND-13.
#include "octet/base/checked.h"
#include "octet/ops/index_walk.h"
#include "octet/ops/movement.h"
#include "octet/ops/movement_gradient.h"
#include "octet/ops/op_list.h"
#include "octet/ops/strided_copy.h"

namespace octet::ops {
namespace {

void infer_elements(InferContext& ctx) {
  if (!ctx.has_shape(1)) return ctx.set_output(0, ctx.dtype(0));
  ctx.set_output(0, ctx.dtype(0), ctx.shape(1));
}

void eval_elements(EvalContext& ctx) {
  const Tensor &x = ctx.input(0), &indices = ctx.input(1);
  const int axis = normalize_axis(ctx.attributes().integer("axis", 0), x.rank());
  check_fits_inside(ctx, indices.shape(), x.shape(), axis);
  Tensor& y = ctx.output(0, x.dtype(), indices.shape());
  const std::vector<std::int64_t> picks = indices.to_int64();
  const auto strides = strides_of(x.shape());
  const std::int64_t stride = strides[static_cast<std::size_t>(axis)], dim = x.dim(axis);
  dispatch(x.dtype(), [&]<class T>() {
    const T* from = x.data<T>();
    T* to = y.data<T>();
    ctx.threads().parallel_for(y.elements(), 8192, [&](std::int64_t begin, std::int64_t end) {
      IndexWalk walk(indices.shape(), strides, axis, begin);
      for (std::int64_t i = begin; i < end; ++i, walk.next()) {
        to[i] = from[walk.offset() + checked_index(ctx, picks[static_cast<std::size_t>(i)], dim) * stride];
      }
    });
  });
}

// Dimensions of x that an index tuple does not reach: [batch + tuple, rank).
int first_kept(std::int64_t batch, const std::optional<std::int64_t>& tuple, int x_rank, int indices_rank) {
  const bool wrong =
      batch < 0 || batch >= std::min(x_rank, indices_rank) || (tuple && (*tuple < 0 || *tuple + batch > x_rank));
  if (wrong || indices_rank < 1) {
    throw Error(ErrorKind::bad_input, "GatherND: index tuples or batch_dims do not fit the data")
        .value("batch_dims " + std::to_string(batch) + (tuple ? ", tuples of " + std::to_string(*tuple) : ""))
        .expected("together at most rank " + std::to_string(x_rank));
  }
  return static_cast<int>(batch + tuple.value_or(0));
}

void infer_nd(InferContext& ctx) {
  if (!ctx.has_shape(0) || !ctx.has_shape(1) || ctx.rank(1) == 0 || !ctx.shape(1).back().known()) {
    return ctx.set_output(0, ctx.dtype(0));
  }
  const int kept =
      first_kept(ctx.attributes().integer("batch_dims", 0), ctx.shape(1).back().value, ctx.rank(0), ctx.rank(1));
  SymbolicShape shape(ctx.shape(1).begin(), ctx.shape(1).end() - 1);
  shape.insert(shape.end(), ctx.shape(0).begin() + kept, ctx.shape(0).end());
  ctx.set_output(0, ctx.dtype(0), shape);
}

void eval_nd(EvalContext& ctx) {
  const Tensor &x = ctx.input(0), &indices = ctx.input(1);
  const auto batch = static_cast<int>(ctx.attributes().integer("batch_dims", 0));
  if (indices.rank() == 0) throw ctx.error(ErrorKind::bad_input, "the indices must have at least one dimension");
  const std::int64_t tuple = indices.shape().back();
  const int kept = first_kept(batch, tuple, x.rank(), indices.rank());
  Shape shape;
  for (int i = 0; i < indices.rank() - 1; ++i) shape.push_back(indices.dim(i));
  for (int i = kept; i < x.rank(); ++i) shape.push_back(x.dim(i));
  for (int i = 0; i < batch; ++i) {
    if (x.dim(i) != indices.dim(i)) {
      throw ctx.error(ErrorKind::bad_input, "batch dimensions differ")
          .value(to_string(indices.shape()))
          .expected(to_string(x.shape()));
    }
  }
  Tensor& y = ctx.output(0, x.dtype(), shape);
  if (y.elements() == 0) return;
  const std::vector<std::int64_t> picks = indices.to_int64();
  const std::int64_t per_batch = indices.shape().elements(batch, indices.rank() - 1);
  const std::int64_t x_batch = x.shape().elements(batch, x.rank());
  const auto item = static_cast<std::int64_t>(size_of(x.dtype()));
  const std::int64_t run = x.shape().elements(kept, x.rank()) * item;
  const auto strides = strides_of(x.shape());
  ctx.threads().parallel_for(
      indices.elements() / std::max<std::int64_t>(tuple, 1), std::max<std::int64_t>(1, 65536 / run),
      [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          std::int64_t from = i / per_batch * x_batch;
          for (std::int64_t k = 0; k < tuple; ++k) {
            const int axis = batch + static_cast<int>(k);
            from += checked_index(ctx, picks[static_cast<std::size_t>(i * tuple + k)], x.dim(axis)) *
                    strides[static_cast<std::size_t>(axis)];
          }
          std::memcpy(static_cast<std::byte*>(y.raw()) + i * run, static_cast<const std::byte*>(x.raw()) + from * item,
                      static_cast<std::size_t>(run));
        }
      });
}

std::vector<Sample> elements_samples(Random& random) {
  std::vector<Sample> out;
  const auto add = [&](DType dtype, const Shape& shape, std::int64_t axis, Tensor indices) {
    Sample sample{.attributes = {}, .inputs = {random_tensor(random, dtype, shape, -9, 9), std::move(indices)}};
    sample.attributes.set("axis", axis);
    out.push_back(std::move(sample));
  };
  add(DType::f32, {3, 3}, 0, Tensor::from<std::int64_t>({2, 3}, {1, 2, 0, 2, 0, 0}));
  add(DType::u8, {2, 4}, 1, Tensor::from<std::int32_t>({2, 2}, {-1, 0, 3, -4}));
  add(DType::f16, {2, 2, 2}, -1, Tensor::from<std::int64_t>({1, 2, 1}, {1, 0}));
  add(DType::i64, {4}, 0, int64_tensor({}));
  return out;
}

std::vector<Sample> nd_samples(Random& random) {
  std::vector<Sample> out;
  const auto add = [&](DType dtype, const Shape& shape, std::int64_t batch, Tensor indices) {
    Sample sample{.attributes = {}, .inputs = {random_tensor(random, dtype, shape, -9, 9), std::move(indices)}};
    if (batch != 0) sample.attributes.set("batch_dims", batch);
    out.push_back(std::move(sample));
  };
  add(DType::f32, {2, 2}, 0, Tensor::from<std::int64_t>({2, 2}, {0, 0, 1, -1}));
  add(DType::f32, {2, 2}, 0, Tensor::from<std::int64_t>({2, 1}, {1, 0}));
  add(DType::u8, {2, 3, 4}, 1, Tensor::from<std::int64_t>({2, 1}, {1, -3}));
  add(DType::f32, {2, 3, 4}, 1, Tensor::from<std::int64_t>({2, 2, 2}, {1, 0, 2, 3, 0, 0, 1, 1}));
  add(DType::i32, {3, 2}, 0, Tensor::from<std::int64_t>({0, 1}, std::initializer_list<std::int64_t>{}));
  return out;
}

}  // namespace

Rows gather_elements() {
  return {
      {.name = "GatherElements",
       .since = 11,
       .inputs = {2, 2},
       .attributes = {"axis"},
       .infer = infer_elements,
       .eval = eval_elements,
       .gradient = gradient_of_movement,
       .quant = {.kind = QuantRule::Kind::pass_through},
       .samples = elements_samples},
      {.name = "GatherND",
       .since = 11,
       .inputs = {2, 2},
       .attributes = {"batch_dims"},
       .infer = infer_nd,
       .eval = eval_nd,
       .gradient = gradient_of_movement,
       .quant = {.kind = QuantRule::Kind::pass_through},
       .samples = nd_samples},
  };
}

}  // namespace octet::ops
