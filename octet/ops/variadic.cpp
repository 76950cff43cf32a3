// Max, Min, Sum, Mean of any number of inputs that broadcast together. NaN wins in Max and Min.
// Source: ONNX Max-13, Min-13, Sum-13, Mean-13.
#include "octet/ops/element_rules.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

// Calls combine<T>(y, x_i) for each input after the first, y holding the first one broadcast.
template <class T, class F>
void fold(EvalContext& ctx, Tensor& y, const F& f) {
  T* out = y.data<T>();
  for (int i = 0; i < ctx.input_count(); ++i) {
    const Tensor& x = ctx.input(i);
    const BroadcastPlan plan = plan_broadcast(y.shape(), x.shape());
    broadcast_loop(ctx.threads(), plan, out, x.data<T>(), out, [&](T a, T b) {
      return i == 0 ? b : store<T>(f(static_cast<Compute<T>>(a), static_cast<Compute<T>>(b)));
    });
  }
}

Shape result_shape(const EvalContext& ctx) {
  Shape shape = ctx.input(0).shape();
  for (int i = 1; i < ctx.input_count(); ++i) {
    require_same_type(ctx, ctx.input(0), ctx.input(i));
    shape = broadcast(shape, ctx.input(i).shape());
  }
  return shape;
}

template <class F>
void eval_order(EvalContext& ctx, const F& first_wins) {
  const Shape shape = result_shape(ctx);
  const DType dtype = ctx.input(0).dtype();
  dispatch(dtype, [&]<class T>() {
    if constexpr (std::is_same_v<T, bool>) {
      throw wrong_type(ctx, dtype, "a number type");
    } else {
      fold<T>(ctx, ctx.output(0, dtype, shape), [&](auto a, auto b) { return first_wins(a, b) || a != a ? a : b; });
    }
  });
}

void eval_sum(EvalContext& ctx, bool mean) {
  const Shape shape = result_shape(ctx);
  const DType dtype = ctx.input(0).dtype();
  dispatch(dtype, [&]<class T>() {
    if constexpr (is_real<T>) {
      using C = Compute<T>;
      Tensor& y = ctx.output(0, dtype, shape);
      fold<T>(ctx, y, [](auto a, auto b) { return a + b; });
      if (!mean) return;
      const C count = static_cast<C>(ctx.input_count());
      map_elements<T, T>(ctx.threads(), y, y, [count](C v) { return v / count; });
    } else {
      throw wrong_type(ctx, dtype, "a floating point type");
    }
  });
}

std::vector<Sample> samples(Random& random) {
  std::vector<Sample> out = binary_samples(random);
  out.pop_back();  // the integer pair: Sum and Mean take floats only
  for (const DType dtype : {DType::f32, DType::f64, DType::f16}) {
    out.push_back({.inputs = {random_tensor(random, dtype, {2, 3})}});
    out.push_back({.inputs = {random_tensor(random, dtype, {3}), random_tensor(random, dtype, {2, 1}),
                              random_tensor(random, dtype, {4, 1, 1})}});
  }
  return out;
}

std::vector<Sample> order_samples(Random& random) {
  std::vector<Sample> out = samples(random);
  for (const DType dtype : {DType::i8, DType::i32, DType::i64, DType::u16}) {
    out.push_back({.inputs = {random_tensor(random, dtype, {2, 7}, -9, 9), random_tensor(random, dtype, {7}, -9, 9)}});
  }
  return out;
}

// Inputs that are equal share the gradient, as in torch.
void gradient_of_order(GradientContext& ctx) {
  const ValueId dy = ctx.output_gradient();
  std::vector<ValueId> masks;
  ValueId count = kNoValue;
  for (int i = 0; i < ctx.input_count(); ++i) {
    masks.push_back(ctx.mask(ctx.emit("Equal", {ctx.input(i), ctx.output()}), dy));
    count = count == kNoValue ? masks.back() : ctx.add(count, masks.back());
  }
  const ValueId share = ctx.div(dy, count);
  for (int i = 0; i < ctx.input_count(); ++i) {
    if (ctx.wants(i)) ctx.set_sum(i, ctx.mul(share, masks[static_cast<std::size_t>(i)]));
  }
}

void gradient_of_sum(GradientContext& ctx, bool mean) {
  ValueId dy = ctx.output_gradient();
  if (mean && ctx.input_count() > 1) dy = ctx.scaled(dy, 1.0 / ctx.input_count());
  for (int i = 0; i < ctx.input_count(); ++i) ctx.set_sum(i, dy);
}

OpDef row(const char* name, int since) {
  return {.name = name, .since = since, .inputs = {1, kVariadic}, .infer = infer_broadcast};
}

}  // namespace

Rows variadic() {
  OpDef max = row("Max", 6), min = row("Min", 6), sum = row("Sum", 6), mean = row("Mean", 6);
  max.infer = [](InferContext& ctx) { infer_broadcast(ctx), infer_elements_of_all(ctx, element_rules::maximum); };
  min.infer = [](InferContext& ctx) { infer_broadcast(ctx), infer_elements_of_all(ctx, element_rules::minimum); };
  max.eval = [](EvalContext& ctx) { eval_order(ctx, [](auto a, auto b) { return a > b; }); };
  min.eval = [](EvalContext& ctx) { eval_order(ctx, [](auto a, auto b) { return a < b; }); };
  sum.eval = [](EvalContext& ctx) { eval_sum(ctx, false); };
  mean.eval = [](EvalContext& ctx) { eval_sum(ctx, true); };
  max.gradient = min.gradient = gradient_of_order;
  sum.gradient = [](GradientContext& ctx) { gradient_of_sum(ctx, false); };
  mean.gradient = [](GradientContext& ctx) { gradient_of_sum(ctx, true); };
  max.samples = min.samples = order_samples;
  sum.samples = mean.samples = samples;
  return {max, min, sum, mean};
}

}  // namespace octet::ops
