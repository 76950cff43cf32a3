#include "octet/runtime/ops/quantize_rows.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "octet/base/error.h"

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
constexpr float kMagic = 12582912.0f;
constexpr std::int32_t kMagicBits = 0x4b400000;

void quantize_row(const float* x, std::int64_t k, float factor, std::uint8_t* q) {
  for (std::int64_t i = 0; i < k; ++i) {
    q[i] = static_cast<std::uint8_t>(std::bit_cast<std::int32_t>(x[i] * factor + kMagic) - kMagicBits + 128);
  }
}

struct Range {
  float low = 0, high = 0;
};

// Least and largest number, zero included. NaN is passed over: the caller looks for it by magnitude.
Range range_of(const float* x, std::int64_t count) {
  Range range;
  for (std::int64_t i = 0; i < count; ++i) {
    range.low = std::min(range.low, x[i]);
    range.high = std::max(range.high, x[i]);
  }
  return range;
}

// Numbers of a whole tensor, in pieces that threads share.
Range find_range(const float* x, std::int64_t count, ThreadPool& threads) {
  constexpr std::int64_t kPieces = 64;
  Range ranges[kPieces];
  std::int32_t magnitudes[kPieces] = {};
  const std::int64_t piece = (count + kPieces - 1) / kPieces;
  threads.parallel_for(kPieces, std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, piece)),
                       [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) {
      const std::int64_t from = std::min(count, p * piece), to = std::min(count, from + piece);
      ranges[p] = range_of(x + from, to - from);
      magnitudes[p] = largest_magnitude(x + from, to - from);
    }
  });
  Range all;
  for (std::int64_t p = 0; p < kPieces; ++p) {
    if (magnitudes[p] >= kInfinity) {
      throw Error(ErrorKind::bad_input, "a value that is not finite cannot be quantized");
    }
    all.low = std::min(all.low, ranges[p].low);
    all.high = std::max(all.high, ranges[p].high);
  }
  return all;
}

}  // namespace

TensorScale quantize_tensor(const float* x, std::int64_t count, std::uint8_t* q, ThreadPool& threads) {
  const Range range = find_range(x, count, threads);
  TensorScale out{.scale = range.high == range.low ? 1.0f : (range.high - range.low) / 255.0f, .zero_point = 0};
  if (!std::isfinite(out.scale) || out.scale == 0) {
    throw Error(ErrorKind::bad_input, "the range of a tensor is too wide or too narrow to quantize")
        .value(std::to_string(range.low) + " to " + std::to_string(range.high));
  }
  out.zero_point = static_cast<int>(std::nearbyint(std::clamp(0.0f - range.low / out.scale, 0.0f, 255.0f)));
  const float scale = out.scale;
  const int zero = out.zero_point;
  threads.parallel_for(count, 16384, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int32_t level = std::bit_cast<std::int32_t>(x[i] / scale + kMagic) - kMagicBits + zero;
      q[i] = static_cast<std::uint8_t>(std::min(std::max(level, 0), 255));
    }
  });
  return out;
}

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
