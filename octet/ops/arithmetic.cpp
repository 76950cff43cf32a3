// Add, Sub, Mul, Div: elementwise with numpy broadcasting. Integer division truncates towards zero.
// Source: ONNX Add-14, Sub-14, Mul-14, Div-14 (7 and later broadcast the same way).
#include <type_traits>

#include "octet/kernels/math/math.h"
#include "octet/ops/element_rules.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

using FloatPairs = kernels::MathPairs kernels::MathTable::*;

// f32: rows that lie contiguous in both operands by the processor's vectors.
template <class F>
void map_floats(EvalContext& ctx, FloatPairs pairs, const F& f) {
  const Tensor &a = ctx.input(0), &b = ctx.input(1);
  const BroadcastPlan plan = plan_broadcast(a.shape(), b.shape());
  Tensor& y = ctx.output(0, DType::f32, plan.shape);
  const std::int64_t sa = plan.a[plan.rank - 1], sb = plan.b[plan.rank - 1];
  const float *pa = a.data<float>(), *pb = b.data<float>();
  float* const to = y.data<float>();
  if (sa != 1 || sb != 1) return broadcast_loop(ctx.threads(), plan, pa, pb, to, f);
  const auto run = kernels::math().*pairs;
  for_each_run(ctx.threads(), plan,
               [&](std::int64_t ia, std::int64_t ib, std::int64_t, std::int64_t at, std::int64_t count) {
                 run(pa + ia, pb + ib, to + at, count);
               });
}

template <class F>
OpDef row(const char* name, F f, QuantRule::Kind kind, Element (*rule)(const Element&, const Element&),
          FloatPairs pairs = nullptr) {
  return {
      .name = name,
      .since = 7,
      .inputs = {2, 2},
      .infer =
          [rule](InferContext& ctx) {
            infer_broadcast(ctx);
            infer_elements(ctx, rule);
          },
      .eval =
          [f, pairs](EvalContext& ctx) {
            const bool floats = ctx.input(0).dtype() == DType::f32 && ctx.input(1).dtype() == DType::f32;
            if (floats && pairs != nullptr) return map_floats(ctx, pairs, f);
            map_binary(ctx, f);
          },
      .quant = {.kind = kind},
      .samples = binary_samples,
  };
}

// Integers wrap as the hardware does (two's complement), without undefined behaviour.
template <class T, class F>
T wrapping(T a, T b, const F& f) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(f(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b)));
  } else {
    return f(a, b);
  }
}

struct Divide {
  template <class T>
  T operator()(T a, T b) const {
    if constexpr (std::is_integral_v<T>) {
      if (b == 0) throw Error(ErrorKind::bad_input, "integer division by zero");
      if constexpr (std::is_signed_v<T>) {
        if (b == -1) return static_cast<T>(0 - static_cast<std::uint64_t>(a));
      }
      return static_cast<T>(a / b);
    } else {
      return a / b;
    }
  }
};

void add_gradient(GradientContext& ctx) {
  ctx.set_sum(0, ctx.output_gradient());
  ctx.set_sum(1, ctx.output_gradient());
}

void subtract_gradient(GradientContext& ctx) {
  ctx.set_sum(0, ctx.output_gradient());
  if (ctx.wants(1)) ctx.set(1, ctx.neg(ctx.sum_to(ctx.output_gradient(), ctx.input(1))));
}

void multiply_gradient(GradientContext& ctx) {
  if (ctx.wants(0)) ctx.set_sum(0, ctx.mul(ctx.output_gradient(), ctx.input(1)));
  if (ctx.wants(1)) ctx.set_sum(1, ctx.mul(ctx.output_gradient(), ctx.input(0)));
}

// y = a / b: da = dy / b, db = -da y.
void divide_gradient(GradientContext& ctx) {
  const ValueId da = ctx.div(ctx.output_gradient(), ctx.input(1));
  ctx.set_sum(0, da);
  if (ctx.wants(1)) ctx.set(1, ctx.neg(ctx.sum_to(ctx.mul(da, ctx.output()), ctx.input(1))));
}

}  // namespace

Rows arithmetic() {
  using Kind = QuantRule::Kind;
  const auto add = [](auto a, auto b) { return wrapping(a, b, [](auto p, auto q) { return p + q; }); };
  const auto subtract = [](auto a, auto b) { return wrapping(a, b, [](auto p, auto q) { return p - q; }); };
  const auto multiply = [](auto a, auto b) { return wrapping(a, b, [](auto p, auto q) { return p * q; }); };
  Rows rows = {
      row("Add", add, Kind::arithmetic, element_rules::add, &kernels::MathTable::add),
      row("Sub", subtract, Kind::arithmetic, element_rules::subtract),
      row("Mul", multiply, Kind::arithmetic, element_rules::multiply, &kernels::MathTable::multiply),
      row("Div", Divide{}, Kind::none, element_rules::divide),
  };
  rows[0].gradient = add_gradient;
  rows[1].gradient = subtract_gradient;
  rows[2].gradient = multiply_gradient;
  rows[3].gradient = divide_gradient;
  return rows;
}

}  // namespace octet::ops
