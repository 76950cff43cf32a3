// Trilu: the upper (default) or lower triangle of the last two axes; the rest is 0. Input 1 (default 0) moves the
// diagonal that is kept: upwards when positive.  Any element type.  Source: ONNX Trilu-14.
#include <algorithm>
#include <cstring>

#include "octet/ops/elementwise.h"
#include "octet/ops/movement_gradient.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

void infer(InferContext& ctx) {
  infer_same_as_input(ctx);
  if (ctx.has_shape(0) && ctx.rank(0) < 2) throw Error(ErrorKind::bad_input, "Trilu needs a matrix");
}

// Keeps columns [begin, end) of a row.
template <class T>
void keep(const T* x, T* y, std::int64_t columns, std::int64_t begin, std::int64_t end) {
  std::fill_n(y, columns, T{});
  std::copy(x + begin, x + std::max(begin, end), y + begin);
}

void eval(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  if (x.rank() < 2) throw ctx.error(ErrorKind::bad_input, "Trilu needs a matrix").value(to_string(x.shape()));
  if (ctx.has_input(1) && ctx.input(1).elements() != 1) {
    throw ctx.error(ErrorKind::bad_input, "Trilu: k must be a single integer");
  }
  const bool upper = ctx.attributes().integer("upper", 1) != 0;
  const std::int64_t rows = x.dim(x.rank() - 2), columns = x.shape().back();
  // Any shift beyond the matrix has the same effect; clamping keeps the sums below from overflowing.
  const std::int64_t given = ctx.has_input(1) ? ctx.input(1).to_int64()[0] : 0;
  const std::int64_t shift = std::clamp(given, -rows - 1, columns + 1);
  Tensor& y = ctx.output(0, x.dtype(), x.shape());
  if (x.elements() == 0) return;
  dispatch(x.dtype(), [&]<class T>() {
    for (std::int64_t line = 0; line < x.elements() / columns; ++line) {
      const std::int64_t diagonal = std::clamp<std::int64_t>(line % rows + shift + (upper ? 0 : 1), 0, columns);
      const T* from = x.data<T>() + line * columns;
      keep(from, y.data<T>() + line * columns, columns, upper ? diagonal : 0, upper ? columns : diagonal);
    }
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  for (const int upper : {0, 1}) {
    for (const std::int64_t k : {-9, -2, -1, 0, 1, 3, 9}) {
      out.push_back({.attributes = make_attributes({{"upper", upper}}),
                     .inputs = {random_tensor(random, DType::i64, {2, 4, 5}, 1, 9), Tensor::scalar(k)}});
    }
    out.push_back(
        {.attributes = make_attributes({{"upper", upper}}), .inputs = {random_tensor(random, DType::f32, {5, 3})}});
  }
  out.push_back({.inputs = {random_tensor(random, DType::boolean, {3, 3})}});
  out.push_back({.inputs = {random_tensor(random, DType::f32, {2, 0, 3})}});
  return out;
}

}  // namespace

Rows trilu() {
  return {{
      .name = "Trilu",
      .since = 14,
      .inputs = {1, 2},
      .attributes = {"upper"},
      .infer = infer,
      .eval = eval,
      .gradient = gradient_of_movement,
      .samples = samples,
  }};
}

}  // namespace octet::ops
