// NonZero: coordinates of all elements that are not zero, [rank, count], in row-major order.
// Compress: the slices (or, without an axis, the elements) whose condition is true.
// Source: ONNX NonZero-9, NonZero-13, Compress-9, Compress-11.
#include "octet/ops/movement.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

void infer_non_zero(InferContext& ctx) {
  // A scalar counts as a vector of one.
  ctx.set_output(0, DType::i64, {ctx.has_shape(0) ? Dim(std::max(ctx.rank(0), 1)) : Dim(), Dim()});
}

template <class T>
bool is_zero(T x) {
  if constexpr (is_half<T>) {
    return static_cast<float>(x) == 0;
  } else {
    return x == T{0};
  }
}

void eval_non_zero(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  std::vector<std::int64_t> found;
  dispatch(x.dtype(), [&]<class T>() {
    const T* from = x.data<T>();
    for (std::int64_t i = 0; i < x.elements(); ++i) {
      if (!is_zero(from[i])) found.push_back(i);
    }
  });
  const Shape shape = x.rank() == 0 ? Shape{1} : x.shape();
  const auto count = static_cast<std::int64_t>(found.size());
  std::int64_t* y = ctx.output(0, DType::i64, {shape.rank(), count}).data<std::int64_t>();
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    for (std::int64_t i = 0; i < count; ++i) {
      std::int64_t& rest = found[static_cast<std::size_t>(i)];
      y[axis * count + i] = rest % shape[axis];
      rest /= shape[axis];
    }
  }
}

void infer_compress(InferContext& ctx) {
  if (!ctx.attributes().has("axis")) return ctx.set_output(0, ctx.dtype(0), {Dim()});
  if (!ctx.has_shape(0)) return ctx.set_output(0, ctx.dtype(0));
  SymbolicShape shape = ctx.shape(0);
  shape[static_cast<std::size_t>(normalize_axis(ctx.attributes().integer("axis"), ctx.rank(0)))] = Dim();
  ctx.set_output(0, ctx.dtype(0), shape);
}

void eval_compress(EvalContext& ctx) {
  const bool flat = !ctx.attributes().has("axis");
  const Tensor x = flat ? ctx.input(0).reshaped({ctx.input(0).elements()}) : ctx.input(0);
  const int axis = flat ? 0 : normalize_axis(ctx.attributes().integer("axis"), x.rank());
  const Tensor& condition = ctx.input(1);
  if (condition.dtype() != DType::boolean || condition.rank() != 1 || condition.elements() > x.dim(axis)) {
    throw ctx.error(ErrorKind::bad_input, "the condition must be a vector of booleans no longer than the axis")
        .value(to_string(condition.shape()) + " " + to_string(condition.dtype()))
        .expected("at most " + std::to_string(x.dim(axis)));
  }
  std::vector<std::int64_t> kept;
  for (std::int64_t i = 0; i < condition.elements(); ++i) {
    if (condition.data<bool>()[i]) kept.push_back(i);
  }
  Shape shape = x.shape();
  shape[axis] = static_cast<std::int64_t>(kept.size());
  Tensor& y = ctx.output(0, x.dtype(), shape);
  if (y.elements() == 0) return;
  const std::int64_t outer = x.shape().elements(0, axis);
  const std::size_t run = static_cast<std::size_t>(x.shape().elements(axis + 1, x.rank())) * size_of(x.dtype());
  const auto* from = static_cast<const std::byte*>(x.raw());
  auto* to = static_cast<std::byte*>(y.raw());
  for (std::int64_t o = 0; o < outer; ++o) {
    for (const std::int64_t k : kept) {
      std::memcpy(to, from + static_cast<std::size_t>(o * x.dim(axis) + k) * run, run);
      to += run;
    }
  }
}

std::vector<Sample> non_zero_samples(Random& random) {
  std::vector<Sample> out;
  for (const Shape& shape : {Shape{}, Shape{5}, Shape{3, 4}, Shape{0, 2}, Shape{2, 2, 3, 1, 2}}) {
    out.push_back({.attributes = {}, .inputs = {random_tensor(random, DType::i32, shape, -2, 2)}});
  }
  out.push_back({.attributes = {}, .inputs = {random_tensor(random, DType::boolean, {4, 4})}});
  out.push_back({.attributes = {}, .inputs = {Tensor::from<float>({4}, {0.0f, -0.0f, 1.0f, 1e-40f})}});
  return out;
}

std::vector<Sample> compress_samples(Random& random) {
  std::vector<Sample> out;
  const Tensor x = random_tensor(random, DType::f32, {3, 2}), condition = Tensor::from<bool>({3}, {false, true, true});
  out.push_back({.attributes = {}, .inputs = {x, condition}});
  Sample axis{.attributes = {}, .inputs = {x, condition}};
  axis.attributes.set("axis", std::int64_t{0});
  out.push_back(axis);
  axis.attributes.set("axis", std::int64_t{-1});
  axis.inputs[1] = Tensor::from<bool>({1}, {true});
  out.push_back(axis);
  return out;
}

}  // namespace

Rows non_zero() {
  return {
      {.name = "NonZero", .since = 9, .infer = infer_non_zero, .eval = eval_non_zero, .samples = non_zero_samples},
      {.name = "Compress",
       .since = 9,
       .inputs = {2, 2},
       .attributes = {"axis"},
       .infer = infer_compress,
       .eval = eval_compress,
       .samples = compress_samples},
  };
}

}  // namespace octet::ops
