// Equal, Less, LessOrEqual, Greater, GreaterOrEqual: booleans, with numpy broadcasting; nothing compares
// with NaN.  Source: ONNX Equal-19, Less-13, LessOrEqual-16, Greater-13, GreaterOrEqual-16.
#include "octet/ops/element_rules.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

template <class F>
void eval_compare(EvalContext& ctx, const F& f, bool booleans) {
  const Tensor &a = ctx.input(0), &b = ctx.input(1);
  require_same_type(ctx, a, b);
  if (a.dtype() == DType::boolean && !booleans) throw wrong_type(ctx, a.dtype(), "a number type");
  const BroadcastPlan plan = plan_broadcast(a.shape(), b.shape());
  Tensor& y = ctx.output(0, DType::boolean, plan.shape);
  dispatch(a.dtype(), [&]<class T>() {
    broadcast_loop(ctx.threads(), plan, a.data<T>(), b.data<T>(), y.data<bool>(),
                   [&](T p, T q) -> bool { return f(static_cast<Compute<T>>(p), static_cast<Compute<T>>(q)); });
  });
}

std::vector<Sample> compare_samples(Random& random) {
  std::vector<Sample> out = binary_samples(random);
  for (const DType dtype : {DType::i32, DType::i64, DType::u8, DType::f16, DType::f64}) {
    out.push_back({.inputs = {random_tensor(random, dtype, {6, 5}, -2, 2), random_tensor(random, dtype, {5}, -2, 2)}});
  }
  return out;
}

template <class F>
OpDef row(const char* name, int since, F f, ElementRule rule, bool booleans = false) {
  return {
      .name = name,
      .since = since,
      .inputs = {2, 2},
      .infer =
          [rule = std::move(rule)](InferContext& ctx) {
            infer_broadcast_as(ctx, DType::boolean);
            infer_elements(ctx, rule);
          },
      .eval = [=](EvalContext& ctx) { eval_compare(ctx, f, booleans); },
      .samples = compare_samples,
  };
}

ElementRule swapped(Element (*rule)(const Element&, const Element&)) {
  return [rule](const Element& a, const Element& b) { return rule(b, a); };
}

}  // namespace

Rows comparison() {
  using namespace element_rules;
  return {
      row(
          "Equal", 7, [](auto a, auto b) { return a == b; }, equal, true),
      row(
          "Less", 7, [](auto a, auto b) { return a < b; }, less),
      row(
          "LessOrEqual", 12, [](auto a, auto b) { return a <= b; }, less_or_equal),
      row(
          "Greater", 7, [](auto a, auto b) { return a > b; }, swapped(less)),
      row(
          "GreaterOrEqual", 12, [](auto a, auto b) { return a >= b; }, swapped(less_or_equal)),
  };
}

}  // namespace octet::ops
