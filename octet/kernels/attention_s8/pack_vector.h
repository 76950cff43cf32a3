// The packing of keys and values, once for every instruction set; as quantize_vector.h.
#pragma once

#include "octet/kernels/attention_s8/quantize_vector.h"

namespace octet::kernels {
namespace {

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
