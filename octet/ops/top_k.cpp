// TopK: the k greatest (or least) elements along an axis and their indices; equal ones in order of index, NaN
// above every number. Always sorted, which `sorted` = 0 leaves open.
//   k is an attribute before opset 10, input 1 from then on.  Source: ONNX TopK-11, TopK-1.
#include <algorithm>
#include <numeric>

#include "octet/ops/axes.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

constexpr int kSinceInput = 10;

void infer(InferContext& ctx) {
  ctx.set_output(0, ctx.dtype(0));
  ctx.set_output(1, DType::i64);
  if (!ctx.has_shape(0)) return;
  SymbolicShape shape = ctx.shape(0);
  const int axis = normalize_axis(ctx.attributes().integer("axis", -1), ctx.rank(0));
  Dim& dim = shape[static_cast<std::size_t>(axis)];
  dim = Dim();
  if (ctx.opset() < kSinceInput) {
    dim = Dim(std::max<std::int64_t>(-1, ctx.attributes().integer("k")));
  } else if (const auto elements = ctx.elements(1); elements && elements->size() == 1) {
    if (elements->front().value >= -1) dim = elements->front();
  }
  ctx.set_output(0, ctx.dtype(0), shape);
  ctx.set_output(1, DType::i64, shape);
}

std::int64_t count_of(const EvalContext& ctx, std::int64_t available) {
  std::int64_t k = 0;
  if (ctx.opset() < kSinceInput) {
    k = ctx.attributes().integer("k");
  } else {
    if (ctx.input(1).elements() != 1) throw ctx.error(ErrorKind::bad_input, "TopK: k must be a single integer");
    k = ctx.input(1).to_int64()[0];
  }
  if (k >= 0 && k <= available) return k;
  throw ctx.error(ErrorKind::bad_input, "TopK: k is out of range")
      .value(std::to_string(k))
      .expected("between 0 and " + std::to_string(available));
}

// A strict order that NaN cannot upset.
template <class C>
bool above(C a, C b) {
  if (b != b) return false;
  return a != a || a > b;
}

template <class T>
void select(const T* x, const AxisSplit& s, std::int64_t k, bool largest, T* values, std::int64_t* indices) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(s.size));
  for (std::int64_t line = 0; line < s.outer * s.inner; ++line) {
    const std::int64_t outer = line / s.inner, inner = line % s.inner;
    const T* from = x + outer * s.size * s.inner + inner;
    const auto at = [&](std::int64_t i) { return static_cast<Compute<T>>(from[i * s.inner]); };
    std::iota(order.begin(), order.end(), std::int64_t{0});
    std::partial_sort(order.begin(), order.begin() + k, order.end(), [&](std::int64_t i, std::int64_t j) {
      const auto a = at(i), b = at(j);
      if (largest ? above(a, b) : above(b, a)) return true;
      if (largest ? above(b, a) : above(a, b)) return false;
      return i < j;
    });
    for (std::int64_t i = 0; i < k; ++i) {
      const std::int64_t to = (outer * k + i) * s.inner + inner;
      const std::int64_t best = order[static_cast<std::size_t>(i)];
      values[to] = from[best * s.inner];
      indices[to] = best;
    }
  }
}

void eval(EvalContext& ctx) {
  const Tensor& x = ctx.input(0);
  const int axis = normalize_axis(ctx.attributes().integer("axis", -1), x.rank());
  const bool largest = ctx.attributes().integer("largest", 1) != 0;
  const std::int64_t k = count_of(ctx, x.dim(axis));
  Shape shape = x.shape();
  shape[axis] = k;
  Tensor &values = ctx.output(0, x.dtype(), shape), &indices = ctx.output(1, DType::i64, shape);
  if (values.elements() == 0) return;  // there may be any number of lines of nothing
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (std::is_same_v<T, bool>) {
      throw wrong_type(ctx, x.dtype(), "a number type");
    } else {
      select(x.data<T>(), split_at(x.shape(), axis), k, largest, values.data<T>(), indices.data<std::int64_t>());
    }
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  for (const DType dtype : {DType::f32, DType::f16, DType::f64, DType::i32, DType::u8}) {
    for (const std::int64_t axis : {0, 1, -1}) {
      for (const int largest : {0, 1}) {
        out.push_back({.attributes = make_attributes({{"axis", axis}, {"largest", largest}}),
                       .inputs = {random_tensor(random, dtype, {4, 5, 6}, -4, 4), Tensor::from<std::int64_t>({1}, {3})},
                       .outputs = 2});
      }
    }
  }
  const Tensor x = random_tensor(random, DType::f32, {3, 7});
  out.push_back({.inputs = {x, Tensor::from<std::int64_t>({1}, {0})}, .outputs = 2});
  out.push_back(
      {.inputs = {random_tensor(random, DType::f32, {0, 7}), Tensor::from<std::int64_t>({1}, {7})}, .outputs = 2});
  return out;
}

void gradient(GradientContext& ctx) {
  const ValueId x = ctx.input(0);
  if (ctx.output(1) == kNoValue) throw ctx.error("the gradient of TopK needs its indices");
  if (ctx.opset() < 11) throw ctx.error("the gradient of TopK needs opset 11");
  const auto known = ctx.shape(x) ? static_shape(*ctx.shape(x)) : std::nullopt;
  if (!known) throw ctx.error("the gradient needs a shape that shape inference does not know");
  Tensor numbers(DType::i64, *known);
  for (std::int64_t i = 0; i < numbers.elements(); ++i) numbers.data<std::int64_t>()[i] = i + 1;
  Attributes along;
  along.set("axis", ctx.attributes().integer("axis", -1));
  const ValueId places = ctx.emit("GatherElements", {ctx.graph().add_initializer({}, numbers), ctx.output(1)}, along);
  ctx.set(0, ctx.emit_own("ScatterAdd", {ctx.output_gradient(), places, ctx.shape_of(x)}));
}

}  // namespace

Rows top_k() {
  OpDef by_attribute{
      .name = "TopK",
      .until = kSinceInput - 1,
      .outputs = {2, 2},
      .attributes = {"axis", "k"},
      .infer = infer,
      .eval = eval,
      .samples = [](Random& random) -> std::vector<Sample> {
        return {{.attributes = make_attributes({{"k", 2}}),
                 .inputs = {random_tensor(random, DType::f32, {3, 7})},
                 .opset = kSinceInput - 1,
                 .outputs = 2}};
      },
  };
  OpDef by_input{
      .name = "TopK",
      .since = kSinceInput,
      .inputs = {2, 2},
      .outputs = {2, 2},
      .attributes = {"axis", "largest", "sorted"},
      .infer = infer,
      .eval = eval,
      .gradient = gradient,
      .samples = samples,
  };
  return {by_attribute, by_input};
}

}  // namespace octet::ops
