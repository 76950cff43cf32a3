// PRelu: y = x, slope * x below 0; the slope broadcasts to x's shape.  Source: ONNX PRelu-16.
#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

void eval(EvalContext& ctx) {
  const Shape& shape = ctx.input(0).shape();
  if (!(broadcast(shape, ctx.input(1).shape()) == shape)) {
    throw ctx.error(ErrorKind::bad_input, "PRelu: the slope does not broadcast to the input")
        .value(to_string(ctx.input(1).shape()))
        .expected("a shape that broadcasts to " + to_string(shape));
  }
  map_binary(ctx, [](auto x, auto slope) {
    using T = decltype(x);
    if constexpr (std::is_integral_v<T>) {
      return x < 0 ? static_cast<T>(static_cast<std::uint64_t>(x) * static_cast<std::uint64_t>(slope)) : x;
    } else {
      return x < 0 ? x * slope : x;
    }
  });
}

std::vector<Sample> samples(Random& random) {
  const std::pair<Shape, Shape> shapes[] = {
      {{}, {}}, {{4}, {1}}, {{2, 8}, {8}}, {{1, 8, 5, 5}, {8, 1, 1}}, {{2, 8, 3, 3}, {1, 8, 1, 1}}, {{0, 3}, {3}}};
  std::vector<Sample> out;
  for (const auto& [x, slope] : shapes) {
    out.push_back({.inputs = {random_tensor(random, DType::f32, x), random_tensor(random, DType::f32, slope)}});
  }
  for (const DType dtype : {DType::f64, DType::f16, DType::i32, DType::u64}) {
    out.push_back({.inputs = {random_tensor(random, dtype, {3, 4}, -9, 9), random_tensor(random, dtype, {4}, 0, 5)}});
  }
  return out;
}

void gradient(GradientContext& ctx) {
  const ValueId x = ctx.input(0), dy = ctx.output_gradient();
  if (ctx.wants(0)) {
    const ValueId below = ctx.emit("Less", {x, ctx.scalar(0, x)});
    ctx.set(0, ctx.emit("Where", {below, ctx.mul(dy, ctx.input(1)), dy}));
  }
  if (ctx.wants(1)) ctx.set_sum(1, ctx.emit_own("PReluSlopeGrad", {x, dy}));
}

}  // namespace

Rows prelu() {
  return {{
      .name = "PRelu",
      .since = 7,
      .inputs = {2, 2},
      .infer = infer_same_as_input,
      .eval = eval,
      .gradient = gradient,
      .samples = samples,
  }};
}

}  // namespace octet::ops
