// And, Or, Xor, Not on booleans, with numpy broadcasting.  Source: ONNX And-7, Or-7, Xor-7, Not-1.
#include "octet/ops/element_rules.h"
#include "octet/ops/elementwise.h"
#include "octet/ops/op_list.h"

namespace octet::ops {
namespace {

void require_boolean(const EvalContext& ctx, const Tensor& x) {
  if (x.dtype() != DType::boolean) throw wrong_type(ctx, x.dtype(), "bool");
}

template <class F>
OpDef binary(const char* name, F f) {
  return {
      .name = name,
      .since = 7,
      .inputs = {2, 2},
      .infer =
          [f](InferContext& ctx) {
            infer_broadcast_as(ctx, DType::boolean);
            infer_elements(ctx, [f](const Element& a, const Element& b) -> Element {
              if (!a.number || !b.number) return {};
              return {f(*a.number != 0, *b.number != 0) ? 1 : 0, {}};
            });
          },
      .eval =
          [f](EvalContext& ctx) {
            const Tensor &a = ctx.input(0), &b = ctx.input(1);
            require_boolean(ctx, a);
            require_boolean(ctx, b);
            const BroadcastPlan plan = plan_broadcast(a.shape(), b.shape());
            Tensor& y = ctx.output(0, DType::boolean, plan.shape);
            broadcast_loop(ctx.threads(), plan, a.data<bool>(), b.data<bool>(), y.data<bool>(), f);
          },
      .samples = [](Random& random) { return binary_samples_of(random, DType::boolean); },
  };
}

OpDef negation() {
  return {
      .name = "Not",
      .infer =
          [](InferContext& ctx) {
            infer_same_as_input(ctx);
            std::optional<std::vector<Element>> elements = known_elements(ctx, 0);
            if (!elements) return;
            for (Element& element : *elements) element = element_rules::equal(element, {0, {}});
            state_elements(ctx, *elements);
          },
      .eval =
          [](EvalContext& ctx) {
            const Tensor& x = ctx.input(0);
            require_boolean(ctx, x);
            map_elements<bool, bool>(ctx.threads(), x, ctx.output(0, DType::boolean, x.shape()),
                                     [](bool v) { return !v; });
          },
      .samples = [](Random& random) -> std::vector<Sample> {
        return {{.inputs = {random_tensor(random, DType::boolean, {2, 3, 5})}},
                {.inputs = {random_tensor(random, DType::boolean, {})}},
                {.inputs = {random_tensor(random, DType::boolean, {0, 2})}}};
      },
  };
}

}  // namespace

Rows logic() {
  return {
      binary("And", [](bool a, bool b) { return a && b; }),
      binary("Or", [](bool a, bool b) { return a || b; }),
      binary("Xor", [](bool a, bool b) { return a != b; }),
      negation(),
  };
}

}  // namespace octet::ops
