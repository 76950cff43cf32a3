// Where: y = condition ? x : y, the three broadcasting.  Any element type.  Source: ONNX Where-16.
#include "octet/ops/element_rules.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

const Element& pick(const std::vector<Element>& list, std::size_t i) { return list.size() == 1 ? list[0] : list[i]; }

void state_chosen(InferContext& ctx) {
  const auto condition = known_elements(ctx, 0), x = known_elements(ctx, 1), y = known_elements(ctx, 2);
  if (!condition || !x || !y) return;
  const std::size_t count = x->size() != 1 ? x->size() : y->size() != 1 ? y->size() : condition->size();
  for (const auto* list : {&*condition, &*x, &*y}) {
    if (list->size() != 1 && list->size() != count) return;
  }
  std::vector<Element> out;
  for (std::size_t i = 0; i < count; ++i) {
    const Element &c = pick(*condition, i), &a = pick(*x, i), &b = pick(*y, i);
    out.push_back(c.number ? (*c.number != 0 ? a : b) : a.same(b) ? a : Element());
  }
  state_elements(ctx, out);
}

void infer(InferContext& ctx) {
  infer_broadcast_as(ctx, ctx.dtype(1));
  state_chosen(ctx);
}

void eval(EvalContext& ctx) {
  const Tensor &condition = ctx.input(0), &x = ctx.input(1), &y = ctx.input(2);
  if (condition.dtype() != DType::boolean) throw wrong_type(ctx, condition.dtype(), "a bool condition");
  require_same_type(ctx, x, y);
  const BroadcastPlan plan = plan_broadcast(condition.shape(), x.shape(), y.shape());
  Tensor& out = ctx.output(0, x.dtype(), plan.shape);
  const int last = plan.rank - 1;
  const std::int64_t sc = plan.a[last], sx = plan.b[last], sy = plan.c[last];
  dispatch(x.dtype(), [&]<class T>() {
    const bool* from = condition.data<bool>();
    const T *yes = x.data<T>(), *no = y.data<T>();
    T* to = out.data<T>();
    for_each_run(ctx.threads(), plan, [&](auto ic, auto ix, auto iy, auto at, std::int64_t count) {
      for (std::int64_t i = 0; i < count; ++i) {
        to[at + i] = from[ic + i * sc] ? yes[ix + i * sx] : no[iy + i * sy];
      }
    });
  });
}

std::vector<Sample> samples(Random& random) {
  const Shape shapes[][3] = {{{}, {}, {}},        {{4}, {4}, {4}},       {{2, 3, 1}, {1, 5}, {}},
                             {{}, {2, 3}, {3}},   {{0, 3}, {3}, {1, 1}}, {{1, 6, 1, 7}, {2, 6, 5, 7}, {1}},
                             {{7, 1}, {}, {1, 9}}};
  std::vector<Sample> out;
  for (const auto& [c, x, y] : shapes) {
    for (const DType dtype : {DType::f32, DType::i64}) {
      out.push_back({.inputs = {random_tensor(random, DType::boolean, c), random_tensor(random, dtype, x, -9, 9),
                                random_tensor(random, dtype, y, -9, 9)}});
    }
  }
  return out;
}

void gradient(GradientContext& ctx) {
  const ValueId dy = ctx.output_gradient(), zero = ctx.scalar(0, dy);
  if (ctx.wants(1)) ctx.set_sum(1, ctx.emit("Where", {ctx.input(0), dy, zero}));
  if (ctx.wants(2)) ctx.set_sum(2, ctx.emit("Where", {ctx.input(0), zero, dy}));
}

}  // namespace

Rows where() {
  return {{
      .name = "Where",
      .since = 9,
      .inputs = {3, 3},
      .infer = infer,
      .eval = eval,
      .gradient = gradient,
      .samples = samples,
  }};
}

}  // namespace octet::ops
