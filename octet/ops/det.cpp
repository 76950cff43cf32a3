// Det: the determinant of each matrix of the last two axes, by elimination with partial pivoting in double.
// Source: ONNX Det-11.
#include <cmath>
#include <utility>

#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

double determinant(std::vector<double>& m, std::size_t n) {
  double out = 1;
  for (std::size_t k = 0; k < n; ++k) {
    std::size_t pivot = k;
    for (std::size_t r = k + 1; r < n; ++r) {
      if (std::abs(m[r * n + k]) > std::abs(m[pivot * n + k])) pivot = r;
    }
    if (m[pivot * n + k] == 0) return 0;
    if (pivot != k) {
      for (std::size_t c = 0; c < n; ++c) std::swap(m[k * n + c], m[pivot * n + c]);
      out = -out;
    }
    out *= m[k * n + k];
    for (std::size_t r = k + 1; r < n; ++r) {
      const double factor = m[r * n + k] / m[k * n + k];
      for (std::size_t c = k; c < n; ++c) m[r * n + c] -= factor * m[k * n + c];
    }
  }
  return out;
}

void infer(InferContext& ctx) {
  if (!ctx.has_shape(0) || ctx.rank(0) < 2) return ctx.set_output(0, ctx.dtype(0));
  SymbolicShape shape = ctx.shape(0);
  shape.resize(shape.size() - 2);
  ctx.set_output(0, ctx.dtype(0), shape);
}

void eval(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  const int rank = x.rank();
  if (rank < 2 || x.dim(rank - 1) != x.dim(rank - 2)) {
    throw ctx.error(ErrorKind::bad_input, "Det needs square matrices").value(to_string(x.shape()));
  }
  if (!is_float(x.dtype())) throw wrong_type(ctx, x.dtype(), "a floating point type");
  const std::int64_t n = x.shape().back();
  Tensor& y = ctx.output(0, x.dtype(), Shape(x.shape().dims().first(static_cast<std::size_t>(rank - 2))));
  const std::vector<double> all = x.to_double();
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (is_real<T>) {
      for (std::int64_t i = 0; i < y.elements(); ++i) {
        std::vector<double> matrix(all.begin() + i * n * n, all.begin() + (i + 1) * n * n);
        y.data<T>()[i] = store<T>(determinant(matrix, static_cast<std::size_t>(n)));
      }
    }
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  for (const Shape& shape : {Shape{3, 3}, Shape{2, 4, 5, 5}, Shape{1, 1}, Shape{0, 2, 2}, Shape{2, 0, 0}}) {
    out.push_back({.inputs = {random_tensor(random, DType::f32, shape)}});
  }
  out.push_back({.inputs = {random_tensor(random, DType::f64, {6, 4, 4})}});
  return out;
}

}  // namespace

Rows det() {
  return {{
      .name = "Det",
      .since = 11,
      .infer = infer,
      .eval = eval,
      .samples = samples,
  }};
}

}  // namespace octet::ops
