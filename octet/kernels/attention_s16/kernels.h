// The rows of the table, and the sizes that its kernels share.
#pragma once

#include "octet/kernels/attention_s16/attention_s16.h"

namespace octet::kernels {

extern const AttentionS16Kernel attention_s16_avx512_vnni;
extern const AttentionS16Kernel attention_s16_avx_vnni;
extern const AttentionS16Kernel attention_s16_avx2;
extern const AttentionS16Kernel attention_s16_reference;

inline constexpr int kAttentionRows = 12;  ///< of a block whose scores are in scratch memory
inline constexpr int kAttentionPad = 32;   ///< columns, keys and depths are filled up to a multiple of this
// Rows of a block lie a fixed number of elements apart, in different lines of the cache.
inline constexpr int kAttentionKeyStride = static_cast<int>(kAttentionS16Keys) + kAttentionPad;
inline constexpr int kAttentionDepthStride = static_cast<int>(kAttentionS16Depth) + kAttentionPad;
inline constexpr float kAttentionLimit = 32767;    ///< of an integer
inline constexpr float kAttentionWeights = 65000;  ///< of the integer weights of a row together, but for their rounding
inline constexpr float kAttentionTinySquares = 1e-36f, kAttentionTiny = 1e-30f;

static inline std::int64_t attention_padded(std::int64_t n) {
  return (n + kAttentionPad - 1) / kAttentionPad * kAttentionPad;
}
static inline std::int64_t attention_scale_bytes(const AttentionHead& h) { return attention_padded(h.keys) * 4; }
static inline std::int64_t attention_key_bytes(const AttentionHead& h) {
  return attention_padded(h.keys) * attention_padded(h.depth) * 2;
}
static inline std::int64_t attention_value_bytes(const AttentionHead& h) {
  return attention_padded(h.keys) * attention_padded(h.width) * 2;
}

/// Packed keys and values: scales of both, then integers of both.
struct PackedHead {
  float *key_scale, *value_scale;
  std::int16_t *keys, *values;
};
static inline PackedHead packed_head(const AttentionHead& h, const void* packed) {
  auto* at = static_cast<char*>(const_cast<void*>(packed));
  const std::int64_t scales = attention_scale_bytes(h);
  return {reinterpret_cast<float*>(at), reinterpret_cast<float*>(at + scales),
          reinterpret_cast<std::int16_t*>(at + 2 * scales),
          reinterpret_cast<std::int16_t*>(at + 2 * scales + attention_key_bytes(h))};
}

/// What a block of rows passes from one product to the other.
struct AttentionBlock {
  float scores[kAttentionRows * kAttentionKeyStride];
  float mask[kAttentionRows * kAttentionKeyStride];  ///< -infinity where keys only fill up; one row, or one a query
  std::int16_t weights[kAttentionRows * kAttentionKeyStride];
  std::int16_t queries[kAttentionRows * kAttentionDepthStride];
  float query_scale[kAttentionRows], out_scale[kAttentionRows];
  // Of a row: its greatest score, whether all are finite; sums, the greatest weight, what makes integers of weights.
  float shift[kAttentionRows], check[kAttentionRows], total[kAttentionRows], sum[kAttentionRows], most[kAttentionRows],
      c[kAttentionRows];
};

/// 2^f for |f| <= 1/2 but for 3e-6: c[0] + f (c[1] + f (...)).
inline constexpr float kAttentionExp[] = {0x1.ffffe8p-1f, 0x1.62e0dcp-1f, 0x1.ec06dap-3f, 0x1.ca1442p-5f,
                                          0x1.3997d6p-7f};
inline constexpr float kAttentionLeast = -86;             ///< of what e^x is taken
inline constexpr float kAttentionLog2E = 0x1.715476p+0f;  ///< 1 / ln 2
inline constexpr float kAttentionRound = 0x1.8p23f;       ///< adding it leaves the integer in the low bits

}  // namespace octet::kernels
