// Pow: y = x^e with broadcasting; y has x's type, e may be of another number type.
// Integers to integer powers are exact modulo 2^width; a negative power is 1 / x^-e truncated towards zero
// (0 to a negative power gives 0). An integer to a real power is computed in double and truncated.
// Source: ONNX Pow-15 (7 and 12 take fewer types).
#include <cmath>
#include <limits>

#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

template <class T>
using Wide = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;

// Modulo 2^64.
template <class T, class E>
std::uint64_t integer_power(T base, E exponent) {
  if constexpr (std::is_signed_v<E>) {
    if (exponent < 0) {
      if (base == T{1}) return 1;
      if constexpr (std::is_signed_v<T>) {
        if (base == T{-1}) return exponent % 2 == 0 ? 1 : ~std::uint64_t{0};
      }
      return 0;
    }
  }
  auto factor = static_cast<std::uint64_t>(base), result = std::uint64_t{1};
  for (auto rest = static_cast<std::uint64_t>(exponent); rest != 0; rest >>= 1) {
    if ((rest & 1) != 0) result *= factor;
    factor *= factor;
  }
  return result;
}

template <class T>
T truncated(double value) {
  using Limits = std::numeric_limits<T>;
  if (std::isnan(value)) return 0;
  if (value >= static_cast<double>(Limits::max())) return Limits::max();
  if (value <= static_cast<double>(Limits::lowest())) return Limits::lowest();
  return static_cast<T>(value);
}

template <class T, class E>
T power(T base, E exponent) {
  if constexpr (std::is_integral_v<T> && std::is_integral_v<E>) {
    return static_cast<T>(integer_power<Wide<T>, Wide<E>>(base, exponent));
  } else if constexpr (is_real<T>) {
    // A float network's exponents are floats; a wider one must not be rounded before it is used.
    using C = std::conditional_t<std::is_same_v<T, double> || std::is_same_v<E, double> || std::is_integral_v<E>,
                                 double, float>;
    return store<T>(
        std::pow(static_cast<C>(static_cast<Compute<T>>(base)), static_cast<C>(static_cast<Compute<E>>(exponent))));
  } else {
    return truncated<T>(std::pow(static_cast<double>(base), static_cast<double>(static_cast<Compute<E>>(exponent))));
  }
}

// The exponents that networks use, without pow(): the square of a variance, the root of one.
bool eval_simple(EvalContext& ctx, const Tensor& x, double exponent) {
  if (exponent == 2) return map_real(ctx, [](auto v) { return v * v; }), true;
  if (exponent == 1) return map_real(ctx, [](auto v) { return v; }), true;
  // pow(-0.0, 0.5) is +0 and pow(-inf, 0.5) is +inf, unlike sqrt.
  if (exponent == 0.5) {
    map_real(ctx, [](auto v) {
      using C = decltype(v);
      return std::isinf(v) ? std::numeric_limits<C>::infinity() : std::sqrt(v + C{0});
    });
    return true;
  }
  return x.elements() == 0;
}

void eval(EvalContext& ctx) {
  const Tensor &x = ctx.input(0), &e = ctx.input(1);
  const BroadcastPlan plan = plan_broadcast(x.shape(), e.shape());
  if (x.dtype() == DType::boolean || e.dtype() == DType::boolean) throw wrong_type(ctx, DType::boolean, "number types");
  Tensor& y = ctx.output(0, x.dtype(), plan.shape);
  if (is_float(x.dtype()) && e.elements() == 1 && plan.shape == x.shape() && eval_simple(ctx, x, e.to_double()[0]))
    return;
  dispatch(x.dtype(), [&]<class T>() {
    dispatch(e.dtype(), [&]<class E>() {
      if constexpr (!std::is_same_v<T, bool> && !std::is_same_v<E, bool>) {
        broadcast_loop(ctx.threads(), plan, x.data<T>(), e.data<E>(), y.data<T>(), power<T, E>);
      }
    });
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out;
  for (const Sample& pair : binary_samples(random)) out.push_back({.inputs = {pair.inputs[1], pair.inputs[0]}});
  const Tensor x = random_tensor(random, DType::f32, {2, 3, 4}, -2, 2);
  for (const float exponent : {0.0f, 1.0f, 2.0f, 3.0f, 0.5f, -1.0f})
    out.push_back({.inputs = {x, Tensor::scalar(exponent)}});
  for (const DType base : {DType::f32, DType::f64, DType::f16, DType::i32, DType::i64}) {
    for (const DType exponent : {DType::f32, DType::i32, DType::u8, DType::i64}) {
      out.push_back(
          {.inputs = {random_tensor(random, base, {4, 3}, 1, 9), random_tensor(random, exponent, {3}, 0, 4)}});
    }
  }
  return out;
}

// dx = dy e x^(e - 1), 0 where e is; de = dy y log(x), 0 where x is not positive.
void gradient(GradientContext& ctx) {
  const ValueId x = ctx.input(0), dy = ctx.output_gradient();
  const ValueId e = ctx.cast_to(ctx.input(1), ctx.dtype(x)), zero = ctx.scalar(0, x);
  if (ctx.wants(0)) {
    const ValueId lower = ctx.emit("Pow", {x, ctx.sub(e, ctx.scalar(1, x))});
    const ValueId slope = ctx.emit("Where", {ctx.emit("Equal", {e, zero}), zero, ctx.mul(e, lower)});
    ctx.set_sum(0, ctx.mul(dy, slope));
  }
  if (ctx.wants(1)) {
    const ValueId positive = ctx.emit("Greater", {x, zero});
    const ValueId log = ctx.emit("Log", {ctx.emit("Where", {positive, x, ctx.scalar(1, x)})});
    ctx.set_sum(1, ctx.mul(dy, ctx.mul(ctx.output(), log)));
  }
}

}  // namespace

Rows pow() {
  return {{
      .name = "Pow",
      .since = 7,
      .inputs = {2, 2},
      .infer = infer_broadcast,
      .eval = eval,
      .gradient = gradient,
      .samples = samples,
  }};
}

}  // namespace octet::ops
