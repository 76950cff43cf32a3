// The rows of the table, and the sizes that its kernels share.
#pragma once

#include "octet/kernels/attention_s8/attention_s8.h"

namespace octet::kernels {

extern const AttentionS8Kernel attention_s8_avx512_vnni;
extern const AttentionS8Kernel attention_s8_avx_vnni;
extern const AttentionS8Kernel attention_s8_avx2;
extern const AttentionS8Kernel attention_s8_reference;

inline constexpr int kAttentionRows = 12;   ///< of a block whose scores are in scratch memory
inline constexpr int kAttentionLanes = 16;  ///< floats of a vector, and numbers of a block that belong to rows
inline constexpr int kAttentionPad = 32;    ///< columns, keys and depths are filled up to a multiple of this
// Rows of a block lie a fixed number of elements apart, in different lines of the cache.
inline constexpr int kAttentionKeyStride = static_cast<int>(kAttentionS8Keys) + kAttentionPad;
inline constexpr int kAttentionDepthStride = static_cast<int>(kAttentionS8Depth) + kAttentionPad;
inline constexpr float kAttentionLimit = 127;     ///< of an integer
inline constexpr float kAttentionWeights = 7936;  ///< of the integer weights of a row together, but for their rounding
inline constexpr float kAttentionTiny = 1e-30f;   ///< below it, sums of weights and what belongs to values are zero
inline constexpr float kAttentionTinyScores = 1e-18f;   ///< below it, queries and keys are
inline constexpr float kAttentionHugeScores = 1.5e19f;  ///< from it on, queries and keys are not finite

static inline std::int64_t attention_padded(std::int64_t n) {
  return (n + kAttentionPad - 1) / kAttentionPad * kAttentionPad;
}
static inline std::int64_t attention_scale_bytes(const AttentionHead& h) { return attention_padded(h.keys) * 4; }
// Integers are bytes, or words where the instruction set has no products of bytes.
static inline std::int64_t attention_key_bytes(const AttentionHead& h) {
  return attention_padded(h.keys) * attention_padded(h.depth) * 2;
}
static inline std::int64_t attention_value_bytes(const AttentionHead& h) {
  return attention_padded(h.keys) * attention_padded(h.width) * 2;
}

/// Packed keys and values: scales of both, what sums of keys start with, integers of both.
struct PackedHead {
  float *key_scale, *value_scale;
  std::int32_t* key_start;
  char *keys, *values;
};
static inline PackedHead packed_head(const AttentionHead& h, const void* packed) {
  auto* at = static_cast<char*>(const_cast<void*>(packed));
  const std::int64_t scales = attention_scale_bytes(h);
  return {reinterpret_cast<float*>(at), reinterpret_cast<float*>(at + scales),
          reinterpret_cast<std::int32_t*>(at + 2 * scales), at + 3 * scales, at + 3 * scales + attention_key_bytes(h)};
}

/// What a block of rows passes from one product to the other. Of integers in bytes the second digits lie a block of
/// kAttentionRows * kAttentionKeyStride bytes behind the first ones.
struct AttentionBlock {
  float scores[kAttentionRows * kAttentionKeyStride];
  float mask[kAttentionRows * kAttentionKeyStride];  ///< -infinity where keys only fill up; one row, or one a query
  char weights[2 * kAttentionRows * kAttentionKeyStride];
  char queries[2 * kAttentionRows * kAttentionDepthStride];
  // Parts of a row: its greatest scores, sums of e^x and of weights.
  float most[kAttentionLanes * kAttentionLanes], totals[kAttentionLanes * kAttentionLanes],
      sums[kAttentionLanes * kAttentionLanes];
  // Of a row: its scale and that of its output, its greatest score, sums of e^x and of weights, what makes integers of
  // weights.
  float query_scale[kAttentionLanes], out_scale[kAttentionLanes], shift[kAttentionLanes], total[kAttentionLanes],
      sum[kAttentionLanes], c[kAttentionLanes];
  std::uint16_t digits[kAttentionKeyStride / 4];  ///< fours of keys that have second digits in any row
};

/// 2^f for |f| <= 1/2 but for 8e-5: c[0] + f (c[1] + f (...)).
inline constexpr float kAttentionExp[] = {0x1.fff692p-1f, 0x1.62f31ap-1f, 0x1.f0de1ap-3f, 0x1.c3f760p-5f};
inline constexpr float kAttentionLeast = -86;             ///< of what e^x is taken
inline constexpr float kAttentionLog2E = 0x1.715476p+0f;  ///< 1 / ln 2
inline constexpr float kAttentionRound = 0x1.8p23f;       ///< adding it leaves the integer in the low bits

}  // namespace octet::kernels
