// Loops for elementwise operators: one input, or two that broadcast; half types compute in float.
#pragma once

#include "octet/ops/op.h"

namespace octet::ops {

template <class T>
inline constexpr bool is_half = std::is_same_v<T, float16> || std::is_same_v<T, bfloat16>;

/// y[i] = f(x[i]) for every number type; the output has the input's type. The function is called
/// with float for half types. Throws unsupported for bool and strings.
template <class F>
void map_unary(EvalContext& ctx, const F& f) {
  const Tensor& x = ctx.input(0);
  Tensor& y = ctx.output(0, x.dtype(), x.shape());
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (!std::is_same_v<T, bool>) {
      const T* in = x.data<T>();
      T* out = y.data<T>();
      ctx.threads().parallel_for(x.elements(), 16384, [&](std::int64_t begin, std::int64_t end) {
        for (std::int64_t i = begin; i < end; ++i) {
          if constexpr (is_half<T>) {
            out[i] = T(static_cast<float>(f(static_cast<float>(in[i]))));
          } else {
            out[i] = static_cast<T>(f(in[i]));
          }
        }
      });
    } else {
      throw ctx.error(ErrorKind::bad_input, "this operator takes numbers, not booleans");
    }
  });
}

/// How to walk two operands over their broadcast shape: dimensions merged where both stay
/// contiguous, innermost last; a stride of 0 repeats.
struct BroadcastPlan {
  Shape shape;                                          ///< of the result, as the caller sees it
  int rank = 0;                                         ///< after merging
  std::int64_t dims[Shape::kMaxRank] = {}, a[Shape::kMaxRank] = {}, b[Shape::kMaxRank] = {};
};
BroadcastPlan plan_broadcast(const Shape& a, const Shape& b);

/// out[i] = f(a[ia], b[ib]) over the broadcast of a and b.
template <class T, class R, class F>
void broadcast_loop(ThreadPool& threads, const BroadcastPlan& plan, const T* a, const T* b, R* out, const F& f) {
  const int last = plan.rank - 1;
  const std::int64_t inner = plan.dims[last], sa = plan.a[last], sb = plan.b[last];
  std::int64_t outer = 1;
  for (int i = 0; i < last; ++i) outer *= plan.dims[i];
  const auto row = [&](std::int64_t r, std::int64_t begin, std::int64_t end) {
    const T *pa = a, *pb = b;
    std::int64_t rest = r;
    for (int i = last - 1; i >= 0; --i) {
      const std::int64_t at = rest % plan.dims[i];
      rest /= plan.dims[i];
      pa += at * plan.a[i];
      pb += at * plan.b[i];
    }
    R* to = out + r * inner;
    if (sa == 1 && sb == 1) {
      for (std::int64_t i = begin; i < end; ++i) to[i] = f(pa[i], pb[i]);
    } else if (sb == 0 && sa == 1) {
      for (std::int64_t i = begin; i < end; ++i) to[i] = f(pa[i], *pb);
    } else if (sa == 0 && sb == 1) {
      for (std::int64_t i = begin; i < end; ++i) to[i] = f(*pa, pb[i]);
    } else {
      for (std::int64_t i = begin; i < end; ++i) to[i] = f(pa[i * sa], pb[i * sb]);
    }
  };
  if (outer == 1) {
    threads.parallel_for(inner, 16384, [&](std::int64_t begin, std::int64_t end) { row(0, begin, end); });
  } else {
    threads.parallel_for(outer, std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, inner)),
                         [&](std::int64_t begin, std::int64_t end) {
                           for (std::int64_t r = begin; r < end; ++r) row(r, 0, inner);
                         });
  }
}

/// y = f(a, b) with broadcasting, for every number type; the output has the inputs' type.
template <class F>
void map_binary(EvalContext& ctx, const F& f) {
  const Tensor &a = ctx.input(0), &b = ctx.input(1);
  if (a.dtype() != b.dtype()) {
    throw ctx.error(ErrorKind::bad_input, "the two inputs have different types")
        .value(std::string(to_string(a.dtype())) + " and " + to_string(b.dtype()));
  }
  const BroadcastPlan plan = plan_broadcast(a.shape(), b.shape());
  Tensor& y = ctx.output(0, a.dtype(), plan.shape);
  dispatch(a.dtype(), [&]<class T>() {
    if constexpr (is_half<T>) {
      broadcast_loop(ctx.threads(), plan, a.data<T>(), b.data<T>(), y.data<T>(), [&](T p, T q) {
        return T(static_cast<float>(f(static_cast<float>(p), static_cast<float>(q))));
      });
    } else if constexpr (!std::is_same_v<T, bool>) {
      broadcast_loop(ctx.threads(), plan, a.data<T>(), b.data<T>(), y.data<T>(),
                     [&](T p, T q) { return static_cast<T>(f(p, q)); });
    } else {
      throw ctx.error(ErrorKind::bad_input, "this operator takes numbers, not booleans");
    }
  });
}

/// Uniform values in [low, high) of a float type, or integers of an integer type.
Tensor random_tensor(Random& random, DType dtype, const Shape& shape, float low = -2, float high = 2);
/// Shapes and types that every one-input operator should be tried on.
std::vector<Sample> unary_samples(Random& random);
/// Pairs of shapes that broadcast in every way.
std::vector<Sample> binary_samples(Random& random);

}  // namespace octet::ops
