#include "octet/runtime/ops/quantize_rows.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace octet::runtime {
namespace {

constexpr std::int32_t kInfinity = 0x7f800000;
constexpr float kSmallest = 1e-30f;  // 127 / kSmallest is still finite

// Magnitudes of floats order like their bits; NaN comes last.
std::int32_t largest_magnitude(const float* x, std::int64_t k) {
  std::int32_t top = 0;
  for (std::int64_t i = 0; i < k; ++i) top = std::max(top, std::bit_cast<std::int32_t>(x[i]) & 0x7fffffff);
  return top;
}

// Adding 1.5 * 2^23 leaves the rounded integer in the low bits: ties to even, and a loop that vectorizes.
void quantize_row(const float* x, std::int64_t k, float factor, std::uint8_t* q) {
  constexpr float kMagic = 12582912.0f;
  constexpr std::int32_t kMagicBits = 0x4b400000;
  for (std::int64_t i = 0; i < k; ++i) {
    q[i] = static_cast<std::uint8_t>(std::bit_cast<std::int32_t>(x[i] * factor + kMagic) - kMagicBits + 128);
  }
}

}  // namespace

void quantize_rows(const float* x, std::int64_t rows, std::int64_t k, std::uint8_t* q, float* scale, ThreadPool& threads) {
  threads.parallel_for(rows, std::max<std::int64_t>(1, 8192 / std::max<std::int64_t>(1, k)),
                       [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t m = begin; m < end; ++m) {
      const std::int32_t bits = largest_magnitude(x + m * k, k);
      const float top = std::bit_cast<float>(bits);
      const bool finite = bits < kInfinity, zero = finite && top < kSmallest;
      scale[m] = zero ? 0.0f : finite ? top / 127 : std::numeric_limits<float>::quiet_NaN();
      quantize_row(x + m * k, finite && !zero ? k : 0, 127 / top, q + m * k);
      if (!finite || zero) std::fill(q + m * k, q + (m + 1) * k, std::uint8_t{128});
    }
  });
}

}  // namespace octet::runtime
