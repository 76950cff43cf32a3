// Loops for elementwise operators: one input, or two or three that broadcast; half types compute in float.
#pragma once

#include "octet/ops/op.h"
#include "octet/ops/samples.h"

namespace octet::ops {

template <class T>
inline constexpr bool is_half = std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>;

/// Float, double or a half type.
template <class T>
inline constexpr bool is_real = std::is_floating_point_v<T> || is_half<T>;

/// The type to compute in: float for half types, the type itself otherwise.
template <class T>
using Compute = std::conditional_t<is_half<T>, float, T>;

/// `value` as an element of type T, computed in Compute<T>.
template <class T, class V>
T store(V value) {
  if constexpr (is_half<T>) {
    return T(static_cast<float>(value));
  } else {
    return static_cast<T>(value);
  }
}

/// The error of an operator that is given an element type it does not take.
Error wrong_type(const EvalContext& ctx, DType dtype, const char* expected);

/// y[i] = f(x[i]) into an output of type R; `f` is called with Compute<T>.
template <class R, class T, class F>
void map_elements(ThreadPool& threads, const Tensor& x, Tensor& y, const F& f) {
  const T* in = x.data<T>();
  R* out = y.data<R>();
  threads.parallel_for(x.elements(), 16384, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) out[i] = store<R>(f(static_cast<Compute<T>>(in[i])));
  });
}

/// y[i] = f(x[i]) for every number type; the output has the input's type. The function is called
/// with float for half types. Throws bad_input for booleans.
template <class F>
void map_unary(EvalContext& ctx, const F& f) {
  const Tensor& x = ctx.input(0);
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (!std::is_same_v<T, bool>) {
      map_elements<T, T>(ctx.threads(), x, ctx.output(0, x.dtype(), x.shape()), f);
    } else {
      throw wrong_type(ctx, x.dtype(), "a number type");
    }
  });
}

/// y[i] = f(x[i]) for float, double and half types; throws bad_input for every other one.
template <class F>
void map_real(EvalContext& ctx, const F& f) {
  const Tensor& x = ctx.input(0);
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (is_real<T>) {
      map_elements<T, T>(ctx.threads(), x, ctx.output(0, x.dtype(), x.shape()), f);
    } else {
      throw wrong_type(ctx, x.dtype(), "a floating point type");
    }
  });
}

/// How to walk up to three operands over their broadcast shape: dimensions merged where all stay
/// contiguous, innermost last; a stride of 0 repeats.
struct BroadcastPlan {
  Shape shape;   ///< of the result, as the caller sees it
  int rank = 0;  ///< after merging, at least 1
  std::int64_t dims[Shape::kMaxRank] = {}, a[Shape::kMaxRank] = {}, b[Shape::kMaxRank] = {}, c[Shape::kMaxRank] = {};
};
BroadcastPlan plan_broadcast(const Shape& a, const Shape& b, const Shape& c = {});

/// Where the operands of row after row begin; a row is the innermost dimension of a plan.
class RowCursor {
 public:
  RowCursor(const BroadcastPlan& plan, std::int64_t row);
  void next();

  std::int64_t a = 0, b = 0, c = 0;

 private:
  const BroadcastPlan& plan_;
  std::int64_t at_[Shape::kMaxRank] = {};
};

/// Calls body(a, b, c, out, count) for runs of `count` elements along the innermost dimension: the
/// offsets of the operands' and the result's first element. Rows are shared among the threads.
template <class Body>
void for_each_run(ThreadPool& threads, const BroadcastPlan& plan, const Body& body) {
  const int last = plan.rank - 1;
  const std::int64_t inner = plan.dims[last];
  std::int64_t outer = 1;
  for (int i = 0; i < last; ++i) outer *= plan.dims[i];
  if (outer == 1) {
    threads.parallel_for(inner, 16384, [&](std::int64_t begin, std::int64_t end) {
      body(begin * plan.a[last], begin * plan.b[last], begin * plan.c[last], begin, end - begin);
    });
    return;
  }
  const std::int64_t grain = std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, inner));
  threads.parallel_for(outer, grain, [&](std::int64_t begin, std::int64_t end) {
    RowCursor cursor(plan, begin);
    for (std::int64_t row = begin; row < end; ++row, cursor.next()) {
      body(cursor.a, cursor.b, cursor.c, row * inner, inner);
    }
  });
}

/// out[i] = f(a[ia], b[ib]) over the broadcast of a and b.
template <class A, class B, class R, class F>
void broadcast_loop(ThreadPool& threads, const BroadcastPlan& plan, const A* a, const B* b, R* out, const F& f) {
  const std::int64_t sa = plan.a[plan.rank - 1], sb = plan.b[plan.rank - 1];
  for_each_run(threads, plan, [&](std::int64_t ia, std::int64_t ib, std::int64_t, std::int64_t at, std::int64_t count) {
    const A* pa = a + ia;
    const B* pb = b + ib;
    R* to = out + at;
    // Loops of their own only where networks spend time: each more is compiled for every type and operator.
    if constexpr (std::is_same_v<A, float> && std::is_same_v<B, float>) {
      if (sa == 1 && sb == 1) {
        for (std::int64_t i = 0; i < count; ++i) to[i] = f(pa[i], pb[i]);
        return;
      }
      if (sb == 0 && sa == 1) {
        const B same = *pb;
        for (std::int64_t i = 0; i < count; ++i) to[i] = f(pa[i], same);
        return;
      }
      if (sa == 0 && sb == 1) {
        const A same = *pa;
        for (std::int64_t i = 0; i < count; ++i) to[i] = f(same, pb[i]);
        return;
      }
    }
    for (std::int64_t i = 0; i < count; ++i) to[i] = f(pa[i * sa], pb[i * sb]);
  });
}

/// Throws bad_input unless inputs a and b have one element type.
void require_same_type(const EvalContext& ctx, const Tensor& a, const Tensor& b);

/// y = f(a, b) with broadcasting, for every number type; the output has the inputs' type.
template <class F>
void map_binary(EvalContext& ctx, const F& f) {
  const Tensor &a = ctx.input(0), &b = ctx.input(1);
  require_same_type(ctx, a, b);
  const BroadcastPlan plan = plan_broadcast(a.shape(), b.shape());
  Tensor& y = ctx.output(0, a.dtype(), plan.shape);
  dispatch(a.dtype(), [&]<class T>() {
    if constexpr (!std::is_same_v<T, bool>) {
      broadcast_loop(ctx.threads(), plan, a.data<T>(), b.data<T>(), y.data<T>(),
                     [&](T p, T q) { return store<T>(f(static_cast<Compute<T>>(p), static_cast<Compute<T>>(q))); });
    } else {
      throw wrong_type(ctx, a.dtype(), "a number type");
    }
  });
}

/// `tensor` repeated to `shape`, to which it must broadcast (bad_input otherwise).
Tensor expand_to(const Tensor& tensor, const Shape& shape, ThreadPool& threads);

/// Output 0 has type `dtype` and the broadcast shape of all inputs.
void infer_broadcast_as(InferContext& ctx, DType dtype);

}  // namespace octet::ops
