// Elementwise float functions through the kernels of octet/kernels/math.
#pragma once

#include "octet/kernels/math/math.h"
#include "octet/ops/elementwise.h"

namespace octet::ops {

/// y = f(x) where a kernel exists for float: half types go through it in pieces, double through `wide`.
/// Throws bad_input for types other than these.
template <class Wide>
void map_kernel(EvalContext& ctx, kernels::MathMap kernel, const Wide& wide) {
  constexpr std::int64_t kPiece = 256;
  const Tensor& x = ctx.input(0);
  if (x.dtype() == DType::f64) return map_real(ctx, wide);
  if (!is_float(x.dtype())) throw wrong_type(ctx, x.dtype(), "a floating point type");
  Tensor& y = ctx.output(0, x.dtype(), x.shape());
  ctx.threads().parallel_for(x.elements(), 4096, [&](std::int64_t begin, std::int64_t end) {
    if (x.dtype() == DType::f32) return kernel(x.data<float>() + begin, y.data<float>() + begin, end - begin);
    float held[kPiece];
    dispatch(x.dtype(), [&]<class T>() {
      if constexpr (is_half<T>) {
        for (std::int64_t first = begin; first < end; first += kPiece) {
          const std::int64_t count = std::min(kPiece, end - first);
          for (std::int64_t i = 0; i < count; ++i) held[i] = static_cast<float>(x.data<T>()[first + i]);
          kernel(held, held, count);
          for (std::int64_t i = 0; i < count; ++i) y.data<T>()[first + i] = T(held[i]);
        }
      }
    });
  });
}

}  // namespace octet::ops
