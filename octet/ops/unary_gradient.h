// Rows for the gradient-only operators of elementwise functions, domain octet: dx = f(v, dy) where v is the
// function's input or output, whichever says it with less.
#pragma once

#include <cmath>

#include "octet/ops/elementwise.h"
#include "octet/ops/gradient_context.h"
#include "octet/ops/wide.h"

namespace octet::ops {

/// dx[i] = f(v[i], dy[i]) for tensors of one shape and floating point type.
template <class F>
void map_gradient(EvalContext& ctx, const F& f) {
  check_same_type(ctx, 0, 1);
  if (!(ctx.input(0).shape() == ctx.input(1).shape())) {
    throw ctx.error(ErrorKind::bad_input, "a gradient does not fit its tensor")
        .value(to_string(ctx.input(1).shape()))
        .expected(to_string(ctx.input(0).shape()));
  }
  const Tensor v = widened(ctx.input(0)), dy = widened(ctx.input(1));
  fill_output(ctx, 0, ctx.input(0).dtype(), v.shape(), [&](Tensor& dx) {
    dispatch_float(v.dtype(), [&]<class T>() {
      const T *a = v.data<T>(), *b = dy.data<T>();
      T* to = dx.data<T>();
      ctx.threads().parallel_for(v.elements(), 16384, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) to[i] = f(a[i], b[i]);
      });
    });
  });
}

/// A row `name`(v, dy) -> dx that keeps these attributes of the node it belongs to.
inline OpDef gradient_row(const char* name, std::vector<std::string> attributes,
                          std::function<void(EvalContext&)> eval) {
  return {
      .name = name,
      .domain = "octet",
      .since = 0,
      .inputs = {2, 2},
      .attributes = std::move(attributes),
      .infer = infer_same_as_input,
      .eval = std::move(eval),
      .samples =
          [](Random& random) {
            std::vector<Sample> out;
            for (const Shape& shape : {Shape{}, Shape{7}, Shape{2, 3, 5}, Shape{0, 3}}) {
              out.push_back({.inputs = {random_tensor(random, DType::f32, shape, 0.1f, 0.9f),
                                        random_tensor(random, DType::f32, shape)}});
            }
            return out;
          },
  };
}

template <class F>
OpDef plain_gradient_row(const char* name, F f) {
  return gradient_row(name, {}, [f](EvalContext& ctx) { map_gradient(ctx, f); });
}

/// Which value a gradient-only operator reads beside dy.
enum class Reads { input, output };

/// dx = octet.`op`(v, dy), the node's attributes handed on.
inline auto unary_gradient(std::string op, Reads reads) {
  return [op = std::move(op), reads](GradientContext& ctx) {
    const ValueId v = reads == Reads::input ? ctx.input(0) : ctx.output(0);
    ctx.set(0, ctx.emit_own(op, {v, ctx.output_gradient()}, ctx.attributes()));
  };
}

}  // namespace octet::ops
