// MatMulInteger: Y int32 = (A - a_zero) x (B - b_zero), by MatMul's shape rules.
// QLinearMatMul: Y = clip(round_half_even(that * (a_scale * b_scale / y_scale)) + y_zero), exact before the rounding.
// A's scale and zero point are one, or one a row; B's one, or one a column; for stacks of matrices as tensors
// [..., M, 1] and [..., 1, N].  Source: ONNX MatMulInteger-10, QLinearMatMul-21.
#include "octet/ops/integer_product.h"
#include "octet/ops/matmul.h"
#include "octet/ops/op_list.h"
#include "octet/ops/quant_checks.h"
#include "octet/ops/wide.h"

namespace octet::ops {
namespace {

// Sums of the product, each in two's complement.
template <class Sum>
std::vector<Sum> sums(EvalContext& ctx, const MatmulPlan& plan, int b_slot, const Tensor& a_zero,
                      const Tensor& b_zero) {
  const Tensor &a = ctx.input(0), &b = ctx.input(b_slot);
  const std::vector<Sum> left = centred<Sum>(ctx.threads(), a, a_zero, std::max(0, a.rank() - 2), "a_zero_point");
  const std::vector<Sum> right = centred<Sum>(ctx.threads(), b, b_zero, b.rank() - 1, "b_zero_point");
  std::vector<Sum> out(static_cast<std::size_t>(plan.output.elements()));
  run_matmul<Sum>(ctx.threads(), plan, left.data(), right.data(), out.data());
  return out;
}

Tensor optional(const EvalContext& ctx, int slot) { return ctx.has_input(slot) ? ctx.input(slot) : Tensor(); }

void infer_integer(InferContext& ctx) {
  if (!ctx.has_shape(0) || !ctx.has_shape(1)) return ctx.set_output(0, DType::i32);
  ctx.set_output(0, DType::i32, matmul_shape(ctx.shape(0), ctx.shape(1)));
}

void eval_integer(EvalContext& ctx) {
  const MatmulPlan plan = plan_matmul(ctx.input(0).shape(), ctx.input(1).shape());
  Tensor& y = ctx.output(0, DType::i32, plan.output);
  with_sum_type(plan.product.k, [&]<class Sum>() {
    const std::vector<Sum> all = sums<Sum>(ctx, plan, 1, optional(ctx, 2), optional(ctx, 3));
    auto* to = y.data<std::int32_t>();
    for (std::size_t i = 0; i < all.size(); ++i) to[i] = check_int32(signed_value(all[i]));
  });
}

void infer_qlinear(InferContext& ctx) {
  for (const int scale : {1, 4, 6}) {
    if (const Tensor* tensor = ctx.constant(scale)) check_scale(*tensor, ctx.node().op_type + " scale");
  }
  if (!ctx.has_shape(0) || !ctx.has_shape(3)) return ctx.set_output(0, ctx.dtype(7));
  ctx.set_output(0, ctx.dtype(7), matmul_shape(ctx.shape(0), ctx.shape(3)));
}

// One value for each row (or column) of the stack, from a tensor with one element, one a row, or one a row of each
// matrix.
class PerLine {
 public:
  PerLine(const Tensor& tensor, std::int64_t lines, std::int64_t stack, const char* name)
      : values_(tensor.to_double()) {
    const auto count = static_cast<std::int64_t>(values_.size());
    if (count == 1 || count == lines || count == lines * stack) {
      wraps_ = std::max<std::int64_t>(1, count);
      return;
    }
    throw Error(ErrorKind::bad_input, "a scale or zero point does not have one element a row or column")
        .tensor(name)
        .value(to_string(tensor.shape()))
        .expected("1 or " + std::to_string(lines));
  }
  /// `line` counts through the whole stack.
  double at(std::int64_t line) const { return values_[static_cast<std::size_t>(line % wraps_)]; }

 private:
  std::vector<double> values_;
  std::int64_t wraps_ = 1;
};

template <class Sum>
void requantize_all(EvalContext& ctx, const MatmulPlan& plan, Tensor& y) {
  const std::vector<Sum> all = sums<Sum>(ctx, plan, 3, ctx.input(2), ctx.input(5));
  const bool row_vector = ctx.input(0).rank() == 1, column_vector = ctx.input(3).rank() == 1;
  const int rank = plan.output.rank();
  const std::int64_t n = column_vector ? 1 : plan.output[rank - 1];
  const std::int64_t m = row_vector ? 1 : plan.output[rank - (column_vector ? 1 : 2)];
  const std::int64_t stack = m * n == 0 ? 1 : plan.output.elements() / (m * n);
  const PerLine sa(ctx.input(1), m, stack, "a_scale"), sb(ctx.input(4), n, stack, "b_scale");
  const PerLine sy(ctx.input(6), m, stack, "y_scale"), zy(ctx.input(7), m, stack, "y_zero_point");
  dispatch_eight_bits(y, "y", [&]<class Q>() {
    Q* to = y.data<Q>();
    for (std::int64_t r = 0; r < stack * m; ++r) {
      const auto zero = static_cast<std::int32_t>(zy.at(r));
      for (std::int64_t c = 0; c < n; ++c) {
        const float scale =
            static_cast<float>(sa.at(r)) * static_cast<float>(sb.at(r / m * n + c)) / static_cast<float>(sy.at(r));
        if (!std::isfinite(scale)) throw ctx.error(ErrorKind::bad_input, "the scales give no finite multiplier");
        to[r * n + c] = requantize<Q>(signed_value(all[static_cast<std::size_t>(r * n + c)]), scale, zero);
      }
    }
  });
}

void eval_qlinear(EvalContext& ctx) {
  for (const int scale : {1, 4, 6})
    check_scale(ctx.input(scale), scale == 1 ? "a_scale" : scale == 4 ? "b_scale" : "y_scale");
  check_eight_bits(ctx.input(7), "y_zero_point");
  const MatmulPlan plan = plan_matmul(ctx.input(0).shape(), ctx.input(3).shape());
  Tensor& y = ctx.output(0, ctx.input(7).dtype(), plan.output);
  with_sum_type(plan.product.k, [&]<class Sum>() { requantize_all<Sum>(ctx, plan, y); });
}

std::vector<Sample> integer_samples(Random& random) {
  std::vector<Sample> out;
  const auto add = [&](DType a, const Shape& shape_a, DType b, const Shape& shape_b, std::optional<Shape> za,
                       std::optional<Shape> zb) {
    Sample s{{}, {random_tensor(random, a, shape_a, -128, 128), random_tensor(random, b, shape_b, -128, 128)}};
    if (za) s.inputs.push_back(random_tensor(random, a, *za, -9, 9));
    if (zb) s.inputs.resize(3);
    if (zb && za) s.inputs[2] = random_tensor(random, a, *za, -9, 9);
    if (zb) s.inputs.push_back(random_tensor(random, b, *zb, -9, 9));
    out.push_back(std::move(s));
  };
  add(DType::u8, {3, 4}, DType::u8, {4, 5}, std::nullopt, std::nullopt);
  add(DType::u8, {3, 4}, DType::i8, {4, 5}, Shape{}, Shape{});
  add(DType::i8, {3, 4}, DType::i8, {4, 5}, Shape{1}, Shape{5});
  add(DType::u8, {3, 4}, DType::i8, {4, 5}, Shape{3}, std::nullopt);
  add(DType::u8, {2, 3, 4}, DType::i8, {4, 5}, std::nullopt, Shape{5});
  add(DType::u8, {4}, DType::i8, {4, 5}, Shape{}, Shape{});
  add(DType::u8, {2, 3, 70}, DType::i8, {2, 70, 9}, Shape{}, Shape{2, 1, 9});
  add(DType::u8, {1, 40000}, DType::i8, {40000, 2}, Shape{}, Shape{});
  return out;
}

std::vector<Sample> qlinear_samples(Random& random) {
  std::vector<Sample> out;
  const auto add = [&](DType a, const Shape& shape_a, DType b, const Shape& shape_b, const Shape& row,
                       const Shape& column) {
    const auto scale = [&](const Shape& shape) { return random_tensor(random, DType::f32, shape, 0.01f, 0.05f); };
    const auto zero = [&](DType dtype, const Shape& shape) { return random_tensor(random, dtype, shape, -9, 9); };
    out.push_back(
        {{},
         {random_tensor(random, a, shape_a, -128, 128), scale(row), zero(a, row),
          random_tensor(random, b, shape_b, -128, 128), scale(column), zero(b, column), scale({}), zero(a, {})}});
  };
  add(DType::u8, {3, 4}, DType::u8, {4, 5}, {}, {});
  add(DType::u8, {3, 4}, DType::i8, {4, 5}, {1}, {5});
  add(DType::i8, {2, 3, 4}, DType::i8, {4, 5}, {}, {5});
  add(DType::u8, {3, 4}, DType::i8, {4, 5}, {3}, {});
  add(DType::u8, {2, 3, 4}, DType::i8, {2, 4, 5}, {2, 3, 1}, {2, 1, 5});
  return out;
}

}  // namespace

Rows matmul_integer() {
  return {
      {.name = "MatMulInteger",
       .since = 10,
       .inputs = {2, 4},
       .infer = infer_integer,
       .eval = eval_integer,
       .samples = integer_samples},
      {.name = "QLinearMatMul",
       .since = 10,
       .inputs = {8, 8},
       .infer = infer_qlinear,
       .eval = eval_qlinear,
       .samples = qlinear_samples},
  };
}

}  // namespace octet::ops
