// Gemm: Y = alpha * A' * B' + beta * C, with A' = A or its transpose, B' likewise, C broadcast to [M, N].
// Source: ONNX Gemm-13.
#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/multiply.h"
#include "octet/ops/op_list.h"
#include "octet/ops/wide.h"

namespace octet::ops {
namespace {

struct GemmShape {
  bool trans_a = false, trans_b = false;
  Dim m, n, k;
};

GemmShape gemm_shape(const Attributes& attributes, const SymbolicShape& a, const SymbolicShape& b) {
  if (a.size() != 2 || b.size() != 2) {
    throw Error(ErrorKind::bad_input, "Gemm takes matrices")
        .value(to_string(a) + " and " + to_string(b))
        .expected("two dimensions each");
  }
  GemmShape out;
  out.trans_a = attributes.integer("transA", 0) != 0;
  out.trans_b = attributes.integer("transB", 0) != 0;
  out.m = a[out.trans_a ? 1 : 0];
  out.k = a[out.trans_a ? 0 : 1];
  out.n = b[out.trans_b ? 0 : 1];
  const Dim& kb = b[out.trans_b ? 1 : 0];
  if (out.k.known() && kb.known() && out.k.value != kb.value) {
    throw Error(ErrorKind::bad_input, "the inner dimensions of a matrix product differ")
        .value("A " + to_string(a) + (out.trans_a ? " transposed" : "") + ", B " + to_string(b) +
               (out.trans_b ? " transposed" : ""));
  }
  return out;
}

void check_addend(const SymbolicShape& c, const GemmShape& shape) {
  const Dim dims[] = {shape.n, shape.m};
  bool good = c.size() <= 2;
  for (std::size_t i = 0; good && i < c.size(); ++i) {
    const Dim& d = c[c.size() - 1 - i];
    good = !d.known() || d.value == 1 || !dims[i].known() || d.value == dims[i].value;
  }
  if (good) return;
  throw Error(ErrorKind::bad_input, "C does not broadcast to the product")
      .value(to_string(c))
      .expected(to_string(SymbolicShape{shape.m, shape.n}));
}

void infer(InferContext& ctx) {
  if (!ctx.has_shape(0) || !ctx.has_shape(1)) return ctx.set_output(0, ctx.dtype(0));
  const GemmShape shape = gemm_shape(ctx.attributes(), ctx.shape(0), ctx.shape(1));
  if (ctx.has_shape(2)) check_addend(ctx.shape(2), shape);
  ctx.set_output(0, ctx.dtype(0), {shape.m, shape.n});
}

template <class T>
std::vector<T> transposed(const T* from, std::int64_t rows, std::int64_t columns) {
  std::vector<T> out(static_cast<std::size_t>(rows * columns));
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) out[static_cast<std::size_t>(j * rows + i)] = from[i * columns + j];
  }
  return out;
}

// y = A' * B' for one element type.
template <class T>
void product(EvalContext& ctx, const GemmShape& shape, const void* a, const void* b, void* y) {
  const Product p{1, shape.m.value, shape.n.value, shape.k.value};
  std::vector<T> turned;
  const T* rows = static_cast<const T*>(a);
  if (shape.trans_a) {
    turned = transposed(rows, p.k, p.m);
    rows = turned.data();
  }
  multiply_matrices<T>(
      ctx.threads(), p, [&](std::int64_t) { return rows; }, [&](std::int64_t) { return static_cast<const T*>(b); },
      shape.trans_b ? 1 : p.n, shape.trans_b ? p.k : 1, [&](std::int64_t) { return static_cast<T*>(y); });
}

// y = alpha * y + beta * c, where integers that neither factor touches stay exact (and wrap).
template <class T>
void scale_and_add(T* y, std::int64_t m, std::int64_t n, float alpha, float beta, const Tensor& c) {
  const auto times = [](float factor, T value) {
    if (factor == 1) return value;
    if constexpr (std::is_integral_v<T>) {
      return Tensor::scalar<double>(static_cast<double>(factor) * static_cast<double>(value))
          .cast(DTypeOf<T>::value)
          .template data<T>()[0];
    } else {
      return static_cast<T>(factor) * value;
    }
  };
  const auto plus = [](T a, T b) {
    if constexpr (std::is_integral_v<T>)
      return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
    return static_cast<T>(a + b);
  };
  const T* addend = c.defined() ? c.data<T>() : nullptr;
  const std::int64_t row = c.defined() && c.rank() == 2 && c.dim(0) != 1 ? c.shape().back() : 0;
  const std::int64_t column = c.defined() && c.rank() >= 1 && c.shape().back() != 1 ? 1 : 0;
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      T& to = y[i * n + j];
      to = times(alpha, to);
      if (addend != nullptr) to = plus(to, times(beta, addend[i * row + j * column]));
    }
  }
}

void eval(EvalContext& ctx) {
  check_same_type(ctx, 0, 1);
  if (ctx.has_input(2)) check_same_type(ctx, 0, 2);
  const Tensor a = widened(ctx.input(0)), b = widened(ctx.input(1));
  Tensor c = ctx.has_input(2) ? widened(ctx.input(2)) : Tensor();
  const GemmShape shape = gemm_shape(ctx.attributes(), symbolic(a.shape()), symbolic(b.shape()));
  if (c.defined()) check_addend(symbolic(c.shape()), shape);
  const float alpha = ctx.attributes().real("alpha", 1), beta = ctx.attributes().real("beta", 1);
  if (beta == 0) c = Tensor();  // not even a NaN in it counts then
  fill_output(ctx, 0, ctx.input(0).dtype(), Shape{shape.m.value, shape.n.value}, [&](Tensor& y) {
    bool done = false;
    dispatch(a.dtype(), [&]<class T>() {
      if constexpr (std::is_floating_point_v<T> || (std::is_integral_v<T> && sizeof(T) >= 4)) {
        using Sum = std::conditional_t<std::is_floating_point_v<T>, T,
                                       std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>>;
        product<Sum>(ctx, shape, a.raw(), b.raw(), y.raw());
        if (alpha != 1 || c.defined()) scale_and_add(y.data<T>(), shape.m.value, shape.n.value, alpha, beta, c);
        done = true;
      }
    });
    if (!done) throw ctx.error(ErrorKind::bad_input, "Gemm of this type is not defined").value(to_string(a.dtype()));
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  const auto add = [&](Attributes attributes, const Shape& a, const Shape& b, std::optional<Shape> c,
                       DType dtype = DType::f32) {
    Sample s{std::move(attributes), {random_tensor(random, dtype, a), random_tensor(random, dtype, b)}};
    if (c) s.inputs.push_back(random_tensor(random, dtype, *c));
    out.push_back(std::move(s));
  };
  const std::int64_t yes = 1;
  add({}, {3, 4}, {4, 5}, Shape{5});
  add(attributes_of({{"transA", yes}}), {4, 3}, {4, 5}, Shape{3, 5});
  add(attributes_of({{"transB", yes}}), {1, 40}, {17, 40}, Shape{17});
  add(attributes_of({{"transA", yes}, {"transB", yes}, {"alpha", 0.5f}, {"beta", 2.0f}}), {4, 3}, {5, 4}, Shape{3, 1});
  add(attributes_of({{"alpha", 0.25f}}), {3, 4}, {4, 5}, std::nullopt);
  add(attributes_of({{"beta", 0.0f}}), {3, 4}, {4, 5}, Shape{});
  add({}, {3, 4}, {4, 5}, Shape{1, 5});
  add({}, {3, 4}, {4, 5}, Shape{1, 1});
  add({}, {0, 4}, {4, 5}, Shape{5});
  add({}, {3, 0}, {0, 5}, Shape{5});
  for (const DType dtype : {DType::f64, DType::f16, DType::i32, DType::i64}) add({}, {3, 4}, {4, 5}, Shape{5}, dtype);
  return out;
}

// Y = alpha A' B' + beta C: dA' = alpha dY B'^T, dB' = alpha A'^T dY, each written so that nothing is transposed.
void gradient(GradientContext& ctx) {
  const ValueId a = ctx.input(0), b = ctx.input(1), dy = ctx.output_gradient();
  const bool trans_a = ctx.attributes().integer("transA", 0) != 0, trans_b = ctx.attributes().integer("transB", 0) != 0;
  const auto product = [&](ValueId left, bool trans_left, ValueId right, bool trans_right) {
    Attributes form;
    form.set("alpha", ctx.attributes().real("alpha", 1));
    form.set("transA", std::int64_t{trans_left});
    form.set("transB", std::int64_t{trans_right});
    return ctx.emit("Gemm", {left, right, ctx.opset() < 11 ? ctx.scalar(0, dy) : kNoValue}, form);
  };
  if (ctx.wants(0)) ctx.set(0, trans_a ? product(b, trans_b, dy, true) : product(dy, false, b, !trans_b));
  if (ctx.wants(1)) ctx.set(1, trans_b ? product(dy, true, a, trans_a) : product(a, !trans_a, dy, false));
  if (!ctx.wants(2)) return;
  const float beta = ctx.attributes().real("beta", 1);
  ctx.set_sum(2, beta == 1 ? dy : ctx.scaled(dy, beta));
}

}  // namespace

Rows gemm() {
  return {{
      .name = "Gemm",
      .inputs = {2, 3},
      .attributes = {"alpha", "beta", "transA", "transB"},
      .infer = infer,
      .eval = eval,
      .gradient = gradient,
      // With transB the output channels are axis 0 of the weight instead.
      .quant = {.kind = QuantRule::Kind::weighted, .activation = 0, .weight = 1, .bias = 2, .weight_channel_axis = 1},
      .samples = samples,
  }};
}

}  // namespace octet::ops
