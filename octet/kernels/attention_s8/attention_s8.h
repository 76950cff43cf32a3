// Attention of one head whose two products run on 8-bit integers:
//
//   qi[m][d] = rint(q[m][d] / qs[m]),  qs[m] = max over d of |q[m][d]| / 127        (k and ks alike, by key)
//   vi[s][e] = rint(v[s][e] / vs[s]),  vs[s] = max over e of |v[s][e]| / 127
//   x[m][s]  = float(sum over d of qi[m][d] ki[s][d]) * (qs[m] * factor) * ks[s] + mask[m][s]
//   p[m][s]  = e^(x[m][s] - max over s of x[m][s])                                        8e-5 of itself
//   w[m][s]  = p[m][s] * vs[s],        wi[m][s] = rint(w[m][s] * c[m])
//   c[m]     = 7936 / sum over s of w[m][s]
//   y[m][e]  = float(sum over s of wi[m][s] vi[s][e]) / (c[m] * sum over s of p[m][s])
//
// The weights of a row share 7936 steps: those of more than 255 have a second digit of eight bits, which is multiplied
// only for keys where one of a block of rows needs it. 31 keys of a row can.
//
// What is lost: of a score at most factor (qs[m] sum over d of |k[s][d]| + ks[s] sum over d of |q[m][d]| + depth qs[m]
// ks[s] / 2) / 2, typically factor |q[m]| |k[s]| / (140 sqrt(depth)); of a value 1/254 of its row's greatest; of
// weights at most keys / 15872 of the greatest value, typically sqrt(keys / 12) / 7936.
//
// Every scale belongs to one row, so no query meets another's numbers, and masked keys change nothing. p is taken as
// e^-86 where it would be less. Rows of queries and keys below 1e-18 and values below 1e-30 count as zero. NaN,
// infinity, or numbers from 1.5e19 on in a query's row make its output NaN, as scores that are not finite do, but for
// minus infinity beside others; in keys or values all outputs. Every instruction set gives the same bits.
//
//   const AttentionS8Kernel& kernel = select_attention_s8();
//   kernel.pack(head, packed);
//   kernel.attend(head, packed, {.q = q, .q_stride = d, .rows = m, .y = y, .y_stride = e}, scratch);
#pragma once

#include <cstdint>
#include <span>

#include "octet/base/cpu.h"

namespace octet::kernels {

inline constexpr std::int64_t kAttentionS8Keys = 1024;  ///< at most, as weights share 7936 steps
inline constexpr std::int64_t kAttentionS8Depth = 256;  ///< at most

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
struct AttentionS8Kernel {
  const char* name;
  Isa isa;
  /// Keys and values as integers and scales, in an order of the kernel's.
  void (*pack)(const AttentionHead& head, void* packed) noexcept;
  /// `head` as it was packed; of it only the sizes are read.
  void (*attend)(const AttentionHead& head, const void* packed, const AttentionQueries& queries,
                 void* scratch) noexcept;
};

std::span<const AttentionS8Kernel* const> attention_s8_table();
const AttentionS8Kernel& select_attention_s8();

/// Whether a head of that size is within what the integers hold.
bool fits_attention_s8(std::int64_t keys, std::int64_t depth);
/// For every kernel; 64-byte aligned memory.
std::int64_t packed_bytes_attention_s8(const AttentionHead& head);
std::int64_t scratch_bytes_attention_s8();

}  // namespace octet::kernels
