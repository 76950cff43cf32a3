// MatMul: numpy's matmul. Y[..., m, n] = sum over k of A[..., m, k] * B[..., k, n]; the leading dimensions
// broadcast; a vector on the left is a row, on the right a column, and its dimension disappears.
// Integers wrap (two's complement).  Source: ONNX MatMul-13.
#include "octet/ops/matmul.h"

#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"
#include "octet/ops/wide.h"

namespace octet::ops {

SymbolicShape matmul_shape(SymbolicShape a, SymbolicShape b) {
  if (a.empty() || b.empty()) {
    throw Error(ErrorKind::bad_input, "a matrix product of a scalar").value(to_string(a) + " by " + to_string(b));
  }
  const bool row = a.size() == 1, column = b.size() == 1;
  if (row) a.insert(a.begin(), Dim(1));
  if (column) b.emplace_back(1);
  const Dim &ka = a.back(), &kb = b[b.size() - 2];
  if (ka.known() && kb.known() && ka.value != kb.value) {
    throw Error(ErrorKind::bad_input, "the inner dimensions of a matrix product differ")
        .value(to_string(a) + " by " + to_string(b))
        .expected("the last of the first equal to the second-last of the second");
  }
  SymbolicShape out = broadcast({a.begin(), a.end() - 2}, {b.begin(), b.end() - 2});
  if (!row) out.push_back(a[a.size() - 2]);
  if (!column) out.push_back(b.back());
  return out;
}

MatmulPlan plan_matmul(const Shape& a, const Shape& b) {
  MatmulPlan plan;
  plan.output = *static_shape(matmul_shape(symbolic(a), symbolic(b)));
  const bool row = a.rank() == 1, column = b.rank() == 1;
  Product& p = plan.product;
  p.m = row ? 1 : a[a.rank() - 2];
  p.k = a.back();
  p.n = column ? 1 : b.back();
  const Shape batch_a(a.dims().first(static_cast<std::size_t>(std::max(0, a.rank() - 2))));
  const Shape batch_b(b.dims().first(static_cast<std::size_t>(std::max(0, b.rank() - 2))));
  if (batch_b.elements() == 1 && batch_b.rank() <= batch_a.rank()) {  // one matrix on the right: one tall product
    p.m *= batch_a.elements();
    plan.a = plan.b = {0};
    return plan;
  }
  const BroadcastPlan walk = plan_broadcast(batch_a, batch_b);
  p.batch = walk.shape.elements();
  for (std::int64_t i = 0; i < p.batch; ++i) {
    std::int64_t rest = i, ia = 0, ib = 0;
    for (int d = walk.rank - 1; d >= 0; --d) {
      ia += rest % walk.dims[d] * walk.a[d];
      ib += rest % walk.dims[d] * walk.b[d];
      rest /= walk.dims[d];
    }
    plan.a.push_back(ia * p.m * p.k);
    plan.b.push_back(ib * p.k * p.n);
  }
  return plan;
}

namespace {

void infer(InferContext& ctx) {
  if (!ctx.has_shape(0) || !ctx.has_shape(1)) return ctx.set_output(0, ctx.dtype(0));
  ctx.set_output(0, ctx.dtype(0), matmul_shape(ctx.shape(0), ctx.shape(1)));
}

void eval(EvalContext& ctx) {
  check_same_type(ctx, 0, 1);
  const Tensor a = widened(ctx.input(0)), b = widened(ctx.input(1));
  const MatmulPlan plan = plan_matmul(a.shape(), b.shape());
  fill_output(ctx, 0, ctx.input(0).dtype(), plan.output, [&](Tensor& y) {
    switch (a.dtype()) {
      case DType::f32:
        return run_matmul<float>(ctx.threads(), plan, a.raw(), b.raw(), y.raw());
      case DType::f64:
        return run_matmul<double>(ctx.threads(), plan, a.raw(), b.raw(), y.raw());
      case DType::i32:
      case DType::u32:
        return run_matmul<std::uint32_t>(ctx.threads(), plan, a.raw(), b.raw(), y.raw());
      case DType::i64:
      case DType::u64:
        return run_matmul<std::uint64_t>(ctx.threads(), plan, a.raw(), b.raw(), y.raw());
      default:
        throw ctx.error(ErrorKind::bad_input, "a matrix product of this type is not defined")
            .value(to_string(a.dtype()));
    }
  });
}

std::vector<Sample> samples(Random& random) {
  const std::pair<Shape, Shape> shapes[] = {
      {{3, 4}, {4, 5}},
      {{4}, {4}},
      {{4}, {4, 5}},
      {{3, 4}, {4}},
      {{2, 3, 4}, {4, 5}},
      {{2, 3, 4}, {2, 4, 5}},
      {{3, 4}, {2, 4, 5}},
      {{2, 1, 3, 4}, {3, 4, 5}},
      {{4}, {2, 3, 4, 5}},
      {{2, 3, 4}, {4}},
      {{2, 3, 130, 9}, {1, 1, 9, 17}},
      {{0, 4}, {4, 5}},
      {{3, 0}, {0, 5}},
      {{1, 33}, {33, 65}},
  };
  std::vector<Sample> out;
  for (const auto& [a, b] : shapes) {
    out.push_back({{}, {random_tensor(random, DType::f32, a), random_tensor(random, DType::f32, b)}});
  }
  for (const DType dtype : {DType::f64, DType::f16, DType::i32, DType::i64, DType::u32}) {
    out.push_back({{}, {random_tensor(random, dtype, {3, 4}, -9, 9), random_tensor(random, dtype, {4, 9}, -9, 9)}});
  }
  return out;
}

// One matrix on the right: tall products, in which nothing is transposed.
void gradient_of_matrix(GradientContext& ctx, ValueId dy, int rank_a) {
  const ValueId a = ctx.input(0), b = ctx.input(1);
  const auto flat = [&](ValueId v, ValueId last_like, int axis) {
    if (rank_a == 2) return v;
    const auto& dims = ctx.shape(last_like);
    const Dim last = dims ? (*dims)[static_cast<std::size_t>(axis)] : Dim();
    if (last.known()) return ctx.reshape(v, {-1, last.value});
    throw ctx.error("the gradient needs the size of a matrix that shape inference does not know")
        .hint("give the shapes of the network's inputs");
  };
  const auto product = [&](ValueId left, bool trans_left, ValueId right, bool trans_right) {
    Attributes form;
    form.set("transA", std::int64_t{trans_left});
    form.set("transB", std::int64_t{trans_right});
    return ctx.emit("Gemm", {left, right, ctx.opset() < 11 ? ctx.scalar(0, dy) : kNoValue}, form);
  };
  const ValueId rows = flat(dy, b, 1);
  if (ctx.wants(0)) ctx.set(0, ctx.reshape_to(product(rows, false, b, true), a));
  if (ctx.wants(1)) ctx.set(1, product(flat(a, b, 0), true, rows, false));
}

// Y = A B: dA = dY B^T, dB = A^T dY, summed over the batches along which a matrix was repeated.
void gradient(GradientContext& ctx) {
  ValueId a = ctx.input(0), b = ctx.input(1), dy = ctx.output_gradient();
  const int rank_a = ctx.rank(a), rank_b = ctx.rank(b);
  if (rank_a >= 2 && rank_b == 2) return gradient_of_matrix(ctx, dy, rank_a);
  // A vector is a matrix of one row or column.
  const auto widen = [&](ValueId v, bool column) {
    const ValueId shape = ctx.shape_of(v), one = ctx.integers({1});
    Attributes along;
    along.set("axis", std::int64_t{0});
    return ctx.emit("Reshape",
                    {v, ctx.emit("Concat", column ? std::vector{shape, one} : std::vector{one, shape}, along)});
  };
  const auto row_of_gradient = [&](std::int64_t axis) {
    if (ctx.opset() >= 13) return ctx.emit("Unsqueeze", {dy, ctx.integers({axis})});
    Attributes at;
    at.set("axes", std::vector<std::int64_t>{axis});
    return ctx.emit("Unsqueeze", {dy}, at);
  };
  int rank = ctx.rank(dy);
  if (rank_b == 1) dy = row_of_gradient(rank++), b = widen(b, true);
  if (rank_a == 1) dy = row_of_gradient(rank_b == 1 ? 0 : rank - 1), a = widen(a, false);
  const auto back = [&](ValueId gradient, ValueId matrix, int slot) {
    ctx.set(slot, ctx.reshape_to(ctx.sum_to(gradient, matrix), ctx.input(slot)));
  };
  if (ctx.wants(0)) back(ctx.emit("MatMul", {dy, ctx.transpose_matrix(b)}), a, 0);
  if (ctx.wants(1)) back(ctx.emit("MatMul", {ctx.transpose_matrix(a), dy}), b, 1);
}

}  // namespace

Rows matmul() {
  return {{
      .name = "MatMul",
      .inputs = {2, 2},
      .infer = infer,
      .eval = eval,
      .gradient = gradient,
      // The weight's output channels are its last axis: 1 for a matrix, which is what a constant weight is.
      .quant = {.kind = QuantRule::Kind::weighted, .activation = 0, .weight = 1, .weight_channel_axis = 1},
      .samples = samples,
  }};
}

}  // namespace octet::ops
