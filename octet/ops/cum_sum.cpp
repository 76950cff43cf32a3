// CumSum: running sums along an axis (input 1, one integer). exclusive: the element itself is left out;
// reverse: from the end. Integers wrap.  Source: ONNX CumSum-14.
#include "octet/ops/axes.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

template <class T>
using Running = std::conditional_t<is_real<T>, double, std::uint64_t>;

template <class T>
void accumulate(const T* x, T* y, const AxisSplit& s, bool exclusive, bool reverse) {
  const std::int64_t step = reverse ? -s.inner : s.inner;
  for (std::int64_t line = 0; line < s.outer * s.inner; ++line) {
    std::int64_t at = line / s.inner * s.size * s.inner + line % s.inner + (reverse ? (s.size - 1) * s.inner : 0);
    Running<T> sum = 0;
    for (std::int64_t i = 0; i < s.size; ++i, at += step) {
      const Running<T> next = sum + static_cast<Running<T>>(static_cast<Compute<T>>(x[at]));
      y[at] = store<T>(exclusive ? sum : next);
      sum = next;
    }
  }
}

int axis_of(const Error& refusal, const Tensor& axis, int rank) {
  if (axis.elements() != 1) throw refusal;
  return normalize_axis(axis.to_int64()[0], rank);
}

void eval(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  const Error refusal = ctx.error(ErrorKind::bad_input, "CumSum: the axis must be a single integer");
  const int axis = axis_of(refusal, ctx.input(1), x.rank());
  const bool exclusive = ctx.attributes().integer("exclusive", 0) != 0;
  const bool reverse = ctx.attributes().integer("reverse", 0) != 0;
  const AxisSplit split = split_at(x.shape(), axis);
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (std::is_same_v<T, bool>) {
      throw wrong_type(ctx, x.dtype(), "a number type");
    } else {
      Tensor& y = ctx.output(0, x.dtype(), x.shape());
      accumulate(x.data<T>(), y.data<T>(), split, exclusive, reverse);
    }
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  for (const DType dtype : {DType::f32, DType::f64, DType::i32, DType::i64}) {
    for (const std::int32_t axis : {0, 1, -1}) {
      for (const int flags : {0, 1, 2, 3}) {
        out.push_back({.attributes = make_attributes({{"exclusive", flags & 1}, {"reverse", flags >> 1}}),
                       .inputs = {random_tensor(random, dtype, {2, 3, 4}, -9, 9), Tensor::scalar(axis)}});
      }
    }
  }
  out.push_back({.inputs = {random_tensor(random, DType::f32, {0, 3}), Tensor::from<std::int64_t>({1}, {1})}});
  return out;
}

}  // namespace

Rows cum_sum() {
  return {{
      .name = "CumSum",
      .since = 11,
      .inputs = {2, 2},
      .attributes = {"exclusive", "reverse"},
      .infer = infer_same_as_input,
      .eval = eval,
      .gradient =
          [](GradientContext& ctx) {
            Attributes back = ctx.attributes();
            back.set("reverse", std::int64_t{ctx.attributes().integer("reverse", 0) == 0});
            ctx.set(0, ctx.emit("CumSum", {ctx.output_gradient(), ctx.input(1)}, back));
          },
      .samples = samples,
  }};
}

}  // namespace octet::ops
