// Rows of float as integers, and the packing of keys and values, once for every instruction set. Included only by the
// files of one; everything is in an anonymous namespace, as they demand.
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

template <class Vector>
inline std::int64_t depth_steps(const AttentionHead& head) {
  return (head.depth + Vector::kGroup - 1) / Vector::kGroup;
}

// Keys as panels [keys / columns][depth steps][columns] of pairs or fours of numbers.
template <class Vector, int kColumns>
void pack_keys(const AttentionHead& head, const PackedHead& to) {
  using S32 = typename Vector::S32;
  const std::int64_t steps = depth_steps<Vector>(head);
  constexpr int kStride = kAttentionDepthStride * Vector::kBytes;
  alignas(64) char rows[kLanes * kStride];
  auto* const out = reinterpret_cast<std::int32_t*>(to.keys);
  RowScales scales;
  for (std::int64_t s = 0; s < attention_padded(head.keys); s += kLanes) {
    const int count = lanes_left(head.keys, s), at = static_cast<int>(s % kScaledRows);
    const float* const k = head.k + s * head.k_stride;
    if (count < kLanes) __builtin_memset(rows, 0, sizeof(rows));
    if (at == 0) find_score_scales<Vector>(k, head.k_stride, head.k_step, head.keys - s, head.depth, scales);
    quantize_rows<Vector>(k, head.k_stride, head.k_step, count, head.depth, 0, rows, scales.inverse + at);
    Vector::store(to.key_scale + s, Vector::load(scales.scale + at));
    std::int32_t* const columns = out + s / kColumns * kColumns * steps + s % kColumns;
    S32 offsets = Vector::set(std::int32_t{0});
    for (std::int64_t p = 0; p < steps; p += 8) {
      S32 eight[8];
      Vector::transpose(rows + 4 * p, kStride, eight);
      for (int i = 0; i < 8 && p + i < steps; ++i) {
        Vector::store(columns + (p + i) * kColumns, eight[i]);
        // Four times kOffset, which is 0 for words.
        offsets = Vector::multiply_add(offsets, Vector::set(static_cast<std::int32_t>(0x01010101u * Vector::kOffset)),
                                       eight[i]);
      }
    }
    Vector::store(to.key_start + s, Vector::negative(offsets));
  }
}

// Values as panels [width / columns][keys / group][columns] of the numbers of a group of keys.
template <class Vector, int kColumns>
void pack_values(const AttentionHead& head, const PackedHead& to) {
  using S32 = typename Vector::S32;
  constexpr int kGroup = Vector::kGroup;
  const std::int64_t steps = attention_padded(head.keys) / kGroup;
  auto* const out = reinterpret_cast<std::int32_t*>(to.values);
  RowScales scales;
  for (std::int64_t s = 0; s < attention_padded(head.keys); s += kLanes) {
    const float* const v = head.v + s * head.v_stride;
    const int count = lanes_left(head.keys, s), at = static_cast<int>(s % kScaledRows);
    if (at == 0) {
      find_scales<Vector>(v, head.v_stride, head.v_step, head.keys - s, head.width, kAttentionTiny, __builtin_inff(),
                          scales);
    }
    // A key that is not a number makes its value none, too, which is where outputs see it.
    Vector::store(to.value_scale + s,
                  Vector::fma(Vector::load(to.key_scale + s), Vector::set(0.0f), Vector::load(scales.scale + at)));
    for (std::int64_t e = 0; e < attention_padded(head.width); e += kLanes) {
      std::int32_t* const panel = out + (e / kColumns * steps + s / kGroup) * kColumns + e % kColumns;
      for (int r = 0; r < kLanes; r += kGroup) {
        S32 ints[kGroup];
        for (int i = 0; i < kGroup; ++i) {
          const typename Vector::F32 x =
              load_lanes<Vector>(v + (r + i) * head.v_stride, head.v_step, r + i < count ? head.width : 0, e);
          ints[i] = integers<Vector>(x, Vector::set(scales.inverse[at + r + i]), 0);
        }
        Vector::store(panel + r / kGroup * kColumns, Vector::join(ints));
      }
    }
  }
}

template <class Vector, int kColumns>
void pack(const AttentionHead& head, void* packed) noexcept {
  const PackedHead to = packed_head(head, packed);
  pack_keys<Vector, kColumns>(head, to);
  pack_values<Vector, kColumns>(head, to);
}

}  // namespace
}  // namespace octet::kernels
