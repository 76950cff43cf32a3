// Attention of one head whose two products run on 16-bit integers:
//
//   qi[m][d] = rint(q[m][d] / qs[m]),  qs[m] = sqrt(sum over d of q[m][d]^2) / 32767      (k and ks alike, by key)
//   vi[s][e] = rint(v[s][e] / vs[s]),  vs[s] = max over e of |v[s][e]| / 32767
//   x[m][s]  = float(sum over d of qi[m][d] ki[s][d]) * (qs[m] * factor) * ks[s] + mask[m][s]
//   p[m][s]  = e^(x[m][s] - max over s of x[m][s])                                        3e-6 of itself
//   w[m][s]  = p[m][s] * vs[s],        wi[m][s] = rint(w[m][s] * c[m])
//   c[m]     = min(32767 / max over s of w[m][s], 65000 / sum over s of w[m][s])
//   y[m][e]  = float(sum over s of wi[m][s] vi[s][e]) / (c[m] * sum over s of p[m][s])
//
// No sum leaves 32 bits: of the first product by Cauchy and Schwarz, of the second because the weights of a row share
// 65000 steps. Every scale belongs to one row, so no query meets another's numbers, and masked keys change nothing. p
// is taken as e^-86 where it would be less. Rows of queries and keys below 1e-18 and values below 1e-30 count as zero.
// NaN, infinity, or squares beyond float's range in a query's row or scores make its output NaN, in keys or values all
// outputs. Every instruction set gives the same bits.
//
//   const AttentionS16Kernel& kernel = select_attention_s16();
//   kernel.pack(head, packed);
//   kernel.attend(head, packed, {.q = q, .q_stride = d, .rows = m, .y = y, .y_stride = e}, scratch);
#pragma once

#include <cstdint>
#include <span>

#include "octet/base/cpu.h"

namespace octet::kernels {

inline constexpr std::int64_t kAttentionS16Keys = 1024;  ///< at most, as weights share 65000 steps
inline constexpr std::int64_t kAttentionS16Depth = 256;  ///< at most

/// Keys and values of a head: k[s][d] is k[s * k_stride + d * k_step], v[s][e] is v[s * v_stride + e * v_step].
struct AttentionHead {
  std::int64_t keys = 0, depth = 0, width = 0;
  const float* k = nullptr;
  std::int64_t k_stride = 0, k_step = 1;
  const float* v = nullptr;
  std::int64_t v_stride = 0, v_step = 1;
};

/// Queries [rows][depth], what is added to their scores, and where the outputs [rows][width] go.
struct AttentionQueries {
  const float* q = nullptr;
  std::int64_t q_stride = 0, rows = 0;
  float factor = 1;
  const float* mask = nullptr;   ///< [rows][keys], or none
  std::int64_t mask_stride = 0;  ///< 0: the same for every row
  float* y = nullptr;
  std::int64_t y_stride = 0;
};

/// A row of the table.
struct AttentionS16Kernel {
  const char* name;
  Isa isa;
  /// Keys and values as integers and scales, in an order of the kernel's.
  void (*pack)(const AttentionHead& head, void* packed) noexcept;
  /// `head` as it was packed; of it only the sizes are read.
  void (*attend)(const AttentionHead& head, const void* packed, const AttentionQueries& queries,
                 void* scratch) noexcept;
};

std::span<const AttentionS16Kernel* const> attention_s16_table();
const AttentionS16Kernel& select_attention_s16();

/// Whether a head of that size is within what the integers hold.
bool fits_attention_s16(std::int64_t keys, std::int64_t depth);
/// For every kernel; 64-byte aligned memory.
std::int64_t packed_bytes_attention_s16(const AttentionHead& head);
std::int64_t scratch_bytes_attention_s16();

}  // namespace octet::kernels
