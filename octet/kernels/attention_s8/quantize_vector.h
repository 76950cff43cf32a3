// Rows of float as integers, once for every instruction set. Included only by the files of one; everything is in an
// anonymous namespace, as they demand.
//
// Lanes are 16, of one register or two. They say: F32, S32; set(v), load(p), load_some(p, count), store(p, v),
// store_some(p, v, count), add, sub, mul, fma(a, b, c) = a b + c, fms(a, b, c) = a b - c, greater(a, b) = a > b ? a :
// b, to_f32, bits(f32), magnitude_bits(f32), greatest_bits(a, b), either(a, b) bitwise, negative, times_256,
// second_byte(v) in the lowest place, times_power(p, n) = p 2^n; of low bytes or words store_bytes(p, v),
// store_words(p, v), join_bytes(a, b, c, d), join_words(a, b); second_bytes(v): a bit for each that is not zero;
// transpose(p, stride, v) of 16 rows of 8 x 32 bits; and folds of all lanes of 16 rows, i and i + 8 first, then i and i
// + 4, ...: fold_sums(rows, p), fold_greatest, fold_bits the greatest. A Vector is Bytes or Words of lanes, with
// multiply_add(sum, a, b) of fours of unsigned and signed bytes, or of pairs of words.
#pragma once

#include "octet/kernels/attention_s8/kernels.h"

namespace octet::kernels {
namespace {

constexpr int kLanes = kAttentionLanes;

/// Integers as products of bytes take them: queries are unsigned, 128 more than they are.
template <class Lanes>
struct Bytes : Lanes {
  static constexpr int kBytes = 1, kGroup = 4, kOffset = 128;
  using S32 = typename Lanes::S32;
  static void store_integers(char* p, S32 v) { Lanes::store_bytes(p, v); }
  static S32 join(const S32 (&v)[kGroup]) { return Lanes::join_bytes(v[0], v[1], v[2], v[3]); }
};

/// Integers as products of words take them.
template <class Lanes>
struct Words : Lanes {
  static constexpr int kBytes = 2, kGroup = 2, kOffset = 0;
  using S32 = typename Lanes::S32;
  static void store_integers(char* p, S32 v) { Lanes::store_words(p, v); }
  static S32 join(const S32 (&v)[kGroup]) { return Lanes::join_words(v[0], v[1]); }
};

inline int lanes_left(std::int64_t all, std::int64_t at) {
  return at >= all ? 0 : static_cast<int>(all - at < kLanes ? all - at : kLanes);
}

constexpr int kScaledRows = 4 * kLanes;  // whose scales are found together, so that none waits for another's

/// What makes integers of rows, and the way back.
struct RowScales {
  alignas(64) float inverse[kScaledRows], scale[kScaledRows];
};

// Numbers [at, at + 16) of a row of `count` that lie `step` apart; zeros beyond.
template <class Vector>
inline typename Vector::F32 load_lanes(const float* x, std::int64_t step, std::int64_t count, std::int64_t at) {
  const int left = lanes_left(count, at);
  if (step == 1) return left == kLanes ? Vector::load(x + at) : Vector::load_some(x + at, left);
  float held[kLanes] = {};
  for (int i = 0; i < left; ++i) held[i] = x[(at + i) * step];
  return Vector::load(held);
}

/// In the low bits of each lane rint(x * scale) + offset.
template <class Vector>
inline typename Vector::S32 integers(typename Vector::F32 x, typename Vector::F32 scale, int offset) {
  return Vector::bits(Vector::fma(x, scale, Vector::set(kAttentionRound + static_cast<float>(offset))));
}

// The greatest magnitudes of rows in 16 parts, as bits; those of whole blocks stay in registers.
template <class Vector, int kRows>
inline __attribute__((always_inline)) void find_greatest(const float* x, std::int64_t stride, std::int64_t step,
                                                         std::int64_t count, typename Vector::S32* out) {
  typename Vector::S32 most[kRows];
  for (int r = 0; r < kRows; ++r) most[r] = Vector::set(std::int32_t{0});
  const auto take = [&](std::int64_t i, const auto& load) {
    const float* row = x;
#pragma GCC unroll 16
    for (int r = 0; r < kRows; ++r) {
      most[r] = Vector::greatest_bits(most[r], Vector::magnitude_bits(load(row, i)));
      row += stride;
    }
  };
  std::int64_t i = 0;
  for (; step == 1 && i + kLanes <= count; i += kLanes) {
    take(i, [](const float* row, std::int64_t at) { return Vector::load(row + at); });
  }
  for (; i < count; i += kLanes) {
    take(i, [&](const float* row, std::int64_t at) { return load_lanes<Vector>(row, step, count, at); });
  }
  for (int r = 0; r < kRows; ++r) out[r] = most[r];
}

/// Of up to kLanes rows, by their greatest magnitudes: less than `tiny` is zero, from `huge` on not finite.
template <class Vector>
inline void find_scales_of_lanes(const float* x, std::int64_t stride, std::int64_t step, int rows, std::int64_t count,
                                 float tiny, float huge, float* inverse, float* scale) {
  typename Vector::S32 most[kLanes];
  if (rows == kLanes) {
    find_greatest<Vector, kLanes>(x, stride, step, count, most);
  } else {
    for (int r = 0; r < kLanes; ++r) most[r] = Vector::set(std::int32_t{0});
    for (int r = 0; r < rows; ++r) find_greatest<Vector, 1>(x + r * stride, stride, step, count, most + r);
  }
  alignas(64) float size[kLanes];
  Vector::fold_bits(most, size);  // the bits of NaN are greater than those of infinity
  for (int r = 0; r < kLanes; ++r) {
    const float finite = size[r] < huge ? size[r] * (1 / kAttentionLimit) : __builtin_nanf("");
    const float inverse_of_finite = size[r] < huge ? kAttentionLimit / size[r] : 0;
    scale[r] = size[r] < tiny ? 0 : finite;
    inverse[r] = size[r] < tiny ? 0 : inverse_of_finite;
  }
}

/// Of up to kScaledRows rows; zeros for those that fill up.
template <class Vector>
inline void find_scales(const float* x, std::int64_t stride, std::int64_t step, std::int64_t rows, std::int64_t count,
                        float tiny, float huge, RowScales& scales) {
  for (int r = 0; r < kScaledRows && r < attention_padded(rows); r += kLanes) {
    find_scales_of_lanes<Vector>(x + r * stride, stride, step, lanes_left(rows, r), count, tiny, huge,
                                 scales.inverse + r, scales.scale + r);
  }
}

/// Of queries or keys.
template <class Vector>
inline void find_score_scales(const float* x, std::int64_t stride, std::int64_t step, std::int64_t rows,
                              std::int64_t count, RowScales& scales) {
  find_scales<Vector>(x, stride, step, rows, count, kAttentionTinyScores, kAttentionHugeScores, scales);
}

/// Up to kLanes queries or keys as integers, filled up with zeros.
template <class Vector>
inline void quantize_rows(const float* x, std::int64_t stride, std::int64_t step, int rows, std::int64_t count,
                          int offset, char* out, const float* inverses) {
  for (int r = 0; r < rows; ++r) {
    const typename Vector::F32 inverse = Vector::set(inverses[r]);
    char* const to = out + r * kAttentionDepthStride * Vector::kBytes;
    for (std::int64_t i = 0; i < attention_padded(count); i += kLanes) {
      const typename Vector::F32 v = load_lanes<Vector>(x + r * stride, step, count, i);
      Vector::store_integers(to + i * Vector::kBytes, integers<Vector>(v, inverse, offset));
    }
  }
}

}  // namespace
}  // namespace octet::kernels
