// Integer products of quantized operands: exact sums of (a - a_zero) * (b - b_zero).
//
// Sums of up to kMaxExact32 products of two differences in [-255, 255] fit int32 whatever the data; longer ones are
// taken in 64 bits, and check_int32 refuses a result that does not fit where int32 is what the operator gives.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

#include "octet/ops/elementwise.h"

namespace octet::ops {

inline constexpr std::int64_t kMaxExact32 = std::numeric_limits<std::int32_t>::max() / (255 * 255);

/// Calls f.operator()<Sum>() with the unsigned type whose two's complement sums `k` products exactly.
template <class F>
void with_sum_type(std::int64_t k, const F& f) {
  if (k <= kMaxExact32) {
    f.template operator()<std::uint32_t>();
  } else {
    f.template operator()<std::uint64_t>();
  }
}

/// The value of a sum kept in two's complement.
inline std::int64_t signed_value(std::uint32_t sum) { return static_cast<std::int32_t>(sum); }
inline std::int64_t signed_value(std::uint64_t sum) { return static_cast<std::int64_t>(sum); }

/// u8 or i8; throws bad_input otherwise.
void check_eight_bits(const Tensor& tensor, const char* what);
/// Calls f.operator()<In>() with uint8_t or int8_t.
template <class F>
void dispatch_eight_bits(const Tensor& tensor, const char* what, const F& f) {
  check_eight_bits(tensor, what);
  if (tensor.dtype() == DType::u8) {
    f.template operator()<std::uint8_t>();
  } else {
    f.template operator()<std::int8_t>();
  }
}

/// x - zero in two's complement. The zero point is one element, one a channel of `axis` (a vector), or any tensor that
/// broadcasts to x; undefined: 0. Throws bad_input when it is of another type or does not fit.
template <class Sum>
std::vector<Sum> centred(ThreadPool& threads, const Tensor& x, const Tensor& zero, int axis, const char* name);
extern template std::vector<std::uint32_t> centred(ThreadPool&, const Tensor&, const Tensor&, int, const char*);
extern template std::vector<std::uint64_t> centred(ThreadPool&, const Tensor&, const Tensor&, int, const char*);

/// Throws unsupported when a sum of the 64-bit path does not fit the int32 that the operator gives.
std::int32_t check_int32(std::int64_t sum);

/// clip(round_half_even(sum * multiplier) + zero_point) to the range of Q; the product is taken in float32.
template <class Q>
Q requantize(std::int64_t sum, float multiplier, std::int32_t zero_point) {
  const auto zero = static_cast<float>(zero_point);
  constexpr auto low = static_cast<float>(std::numeric_limits<Q>::min()),
                 high = static_cast<float>(std::numeric_limits<Q>::max());
  const float scaled = std::min(std::max(static_cast<float>(sum) * multiplier, low - zero), high - zero);
  return static_cast<Q>(static_cast<std::int32_t>(std::nearbyint(scaled)) + zero_point);
}

/// sx * sw[i] / sy for every i, in float32 and in that order; throws bad_input where it is not finite.
std::vector<float> multipliers(float sx, const std::vector<double>& sw, float sy);

}  // namespace octet::ops
