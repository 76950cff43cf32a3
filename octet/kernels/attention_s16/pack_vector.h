// Rows of float as integers, and the packing of keys and values, once for every instruction set. Included only by the
// files of one; everything is in an anonymous namespace, as they demand.
//
// A Vector is 16 lanes, of one register or two. It says: F32, S32; set(v), load(p), load_some(p, count), store(p, v),
// store_some(p, v, count), add, sub, mul, fma(a, b, c) = a b + c, greater(a, b) = a > b ? a : b, to_f32, round,
// magnitude_bits(f32), greatest_bits(a, b), times_power(p, shifted) = p 2^n, pair(low, high) of 16 bits each,
// store_s16(p, v), transpose<rows' step, columns' step>(p, q) of 16 x 16 pairs in memory, multiply_add(sum, a, b) of
// pairs; and folds of all lanes, i and i + 8 first, then i and i + 4, ...: fold_bits(v) the greatest, fold_sum(v),
// fold_greatest(v).
#pragma once

#include "octet/kernels/attention_s16/kernels.h"

namespace octet::kernels {
namespace {

constexpr int kLanes = 16;

inline int lanes_left(std::int64_t all, std::int64_t at) {
  return at >= all ? 0 : static_cast<int>(all - at < kLanes ? all - at : kLanes);
}

/// What makes integers of a row, and the way back: of its largest magnitude, or the sum of its squares.
struct RowScale {
  float inverse = 0, scale = 0;
};

inline RowScale scale_of_size(float size, bool is_tiny) {
  if (!(size < __builtin_inff())) return {0, __builtin_nanf("")};
  if (is_tiny) return {};
  return {kAttentionLimit / size, size / kAttentionLimit};
}
inline RowScale scale_of_greatest(float most) { return scale_of_size(most, most < kAttentionTiny); }
inline RowScale scale_of_squares(float sum) { return scale_of_size(__builtin_sqrtf(sum), sum < kAttentionTinySquares); }

// Numbers [at, at + 16) of a row of `count` that lie `step` apart; zeros beyond.
template <class Vector>
inline typename Vector::F32 load_lanes(const float* x, std::int64_t step, std::int64_t count, std::int64_t at) {
  const int left = lanes_left(count, at);
  if (step == 1) return left == kLanes ? Vector::load(x + at) : Vector::load_some(x + at, left);
  float held[kLanes] = {};
  for (int i = 0; i < left; ++i) held[i] = x[(at + i) * step];
  return Vector::load(held);
}

/// Scales of up to kLanes rows at once, so that no row waits for the division of the one before.
template <class Vector>
inline void scales_by_squares(const float* x, std::int64_t stride, std::int64_t step, int rows, std::int64_t count,
                              RowScale (&scales)[kLanes]) {
  float sums[kLanes] = {};
  for (int r = 0; r < rows; ++r) {
    typename Vector::F32 sum = Vector::set(0.0f);
    for (std::int64_t i = 0; i < count; i += kLanes) {
      const typename Vector::F32 v = load_lanes<Vector>(x + r * stride, step, count, i);
      sum = Vector::fma(v, v, sum);
    }
    sums[r] = Vector::fold_sum(sum);
  }
  for (int r = 0; r < kLanes; ++r) scales[r] = scale_of_squares(sums[r]);
}

template <class Vector>
inline void scales_by_greatest(const float* x, std::int64_t stride, std::int64_t step, int rows, std::int64_t count,
                               RowScale (&scales)[kLanes]) {
  std::int32_t bits[kLanes] = {};  // NaN has greater ones than infinity
  for (int r = 0; r < rows; ++r) {
    typename Vector::S32 most = Vector::set(std::int32_t{0});
    for (std::int64_t i = 0; i < count; i += kLanes) {
      const typename Vector::F32 v = load_lanes<Vector>(x + r * stride, step, count, i);
      most = Vector::greatest_bits(most, Vector::magnitude_bits(v));
    }
    bits[r] = Vector::fold_bits(most);
  }
  for (int r = 0; r < kLanes; ++r) scales[r] = scale_of_greatest(__builtin_bit_cast(float, bits[r]));
}

/// Up to kLanes queries or keys as integers, filled up with zeros to whole vectors, and their scales.
template <class Vector, int kStride>
inline void quantize_rows(const float* x, std::int64_t stride, std::int64_t step, int rows, std::int64_t count,
                          std::int16_t* out, float* scale) {
  RowScale scales[kLanes];
  scales_by_squares<Vector>(x, stride, step, rows, count, scales);
  for (int r = 0; r < rows; ++r) {
    scale[r] = scales[r].scale;
    const typename Vector::F32 inverse = Vector::set(scales[r].inverse);
    for (std::int64_t i = 0; i < count; i += kLanes) {
      const typename Vector::F32 v = load_lanes<Vector>(x + r * stride, step, count, i);
      Vector::store_s16(out + r * kStride + i, Vector::round(Vector::mul(v, inverse)));
    }
  }
}

// Keys as panels [keys / columns][depth / 2][columns] of pairs of numbers.
template <class Vector, int kColumns>
void pack_keys(const AttentionHead& head, const PackedHead& to) {
  const std::int64_t pairs = (head.depth + 1) / 2;
  alignas(64) std::int16_t rows[kLanes * kAttentionDepthStride];
  auto* const out = reinterpret_cast<std::int32_t*>(to.keys);
  for (std::int64_t s = 0; s < attention_padded(head.keys); s += kLanes) {
    const int count = lanes_left(head.keys, s);
    if (count < kLanes) {
      __builtin_memset(rows, 0, sizeof(rows));
      __builtin_memset(to.key_scale + s, 0, kLanes * sizeof(float));
    }
    quantize_rows<Vector, kAttentionDepthStride>(head.k + s * head.k_stride, head.k_stride, head.k_step, count,
                                                 head.depth, rows, to.key_scale + s);
    std::int32_t* const columns = out + s / kColumns * kColumns * pairs + s % kColumns;
    std::int64_t p = 0;
    for (; p + kLanes <= pairs; p += kLanes) {
      Vector::template transpose<kAttentionDepthStride, kColumns>(rows + 2 * p, columns + p * kColumns);
    }
    for (; p < pairs; ++p) {
      for (int r = 0; r < kLanes; ++r) {
        __builtin_memcpy(columns + p * kColumns + r, rows + r * kAttentionDepthStride + 2 * p, 4);
      }
    }
  }
}

// Values as panels [width / columns][keys / 2][columns] of the numbers of two keys.
template <class Vector, int kColumns>
void pack_values(const AttentionHead& head, const PackedHead& to) {
  const std::int64_t pairs = attention_padded(head.keys) / 2;
  auto* const out = reinterpret_cast<std::int32_t*>(to.values);
  for (std::int64_t s = 0; s < attention_padded(head.keys); s += kLanes) {
    const float* const v = head.v + s * head.v_stride;
    const int count = lanes_left(head.keys, s);
    RowScale scales[kLanes];
    scales_by_greatest<Vector>(v, head.v_stride, head.v_step, count, head.width, scales);
    for (int r = 0; r < kLanes; ++r) to.value_scale[s + r] = scales[r].scale;
    for (std::int64_t e = 0; e < attention_padded(head.width); e += kLanes) {
      std::int32_t* const panel = out + (e / kColumns * pairs + s / 2) * kColumns + e % kColumns;
      for (int r = 0; r < kLanes; r += 2) {
        typename Vector::S32 ints[2];
        for (int i = 0; i < 2; ++i) {
          const typename Vector::F32 x =
              load_lanes<Vector>(v + (r + i) * head.v_stride, head.v_step, r + i < count ? head.width : 0, e);
          ints[i] = Vector::round(Vector::mul(x, Vector::set(scales[r + i].inverse)));
        }
        Vector::store(panel + r / 2 * kColumns, Vector::pair(ints[0], ints[1]));
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
