// Fake quantization: rounds floats to the grid that integers would give them, and its gradients.
//
//   FakeQuantParams p{.scale = 0.02f, .zero_point = 3, .qmin = 0, .qmax = 255};
//   std::int64_t clipped = fake_quant(p, x, count, y, pool);
//
// NaN passes through. Every instruction set and any number of threads give the same bits.
#pragma once

#include <cstdint>
#include <span>

#include "octet/base/cpu.h"
#include "octet/base/threads.h"

namespace octet::kernels {

/// Integers as floats, because the arithmetic is in float32: zero_point in [qmin, qmax], |qmin|, |qmax| < 2^24.
struct FakeQuantParams {
  float scale = 1;  ///< finite, normal, > 0
  float zero_point = 0, qmin = 0, qmax = 255;
};

/// Sums of the gradients of scale and zero point before their common factor.
struct LearnedSums {
  double scale = 0, zero_point = 0;
};

/// Elements that one sum of LearnedSums adds up in float before it goes on in double: partial sums do not
/// depend on threads.
inline constexpr std::int64_t kFakeQuantChunk = 4096;

/// q = nearbyint(x * float(1 / scale)) + zero_point; y = (clamp(q, qmin, qmax) - zero_point) * scale.
/// Returns how many q lie outside [qmin, qmax].  x and y may be the same.
/// Source: torch.fake_quantize_per_tensor_affine.
std::int64_t fake_quant(const FakeQuantParams& params, const float* x, std::int64_t count, float* y, ThreadPool& pool);

/// Straight-through: dx = dy where qmin <= q <= qmax, else 0.
void fake_quant_gradient(const FakeQuantParams& params, const float* x, const float* dy, std::int64_t count, float* dx,
                         ThreadPool& pool);

/// The same with q = nearbyint(x * float(1 / scale) + zero_point), which differs at ties, and the sums over all of
///   scale:      dy * (y - x) / scale where qmin <= q <= qmax, dy * (qmin - zero_point) below, dy * (qmax - zero_point)
///   above zero_point: -dy * scale outside, 0 inside
/// Source: torch._fake_quantize_learnable_per_tensor_affine; Esser et al. 2020 (LSQ), Bhalgat et al. 2020 (LSQ+).
LearnedSums fake_quant_learned_gradient(const FakeQuantParams& params, const float* x, const float* dy,
                                        std::int64_t count, float* dx, ThreadPool& pool);

/// Least and greatest of x (+inf and -inf where there is none); NaN is passed over.
struct MinMax {
  float min, max;
};
MinMax min_max(const float* x, std::int64_t count, ThreadPool& pool);

/// A row of the table: loops over contiguous elements.
struct FakeQuantKernel {
  const char* name;
  Isa isa;
  std::int64_t (*forward)(const FakeQuantParams& params, const float* x, std::int64_t count, float* y) noexcept;
  void (*gradient)(const FakeQuantParams& params, const float* x, const float* dy, std::int64_t count,
                   float* dx) noexcept;
  /// At most kFakeQuantChunk elements.
  LearnedSums (*learned)(const FakeQuantParams& params, const float* x, const float* dy, std::int64_t count,
                         float* dx) noexcept;
};

std::span<const FakeQuantKernel* const> fake_quant_table();
const FakeQuantKernel& select_fake_quant();

}  // namespace octet::kernels
