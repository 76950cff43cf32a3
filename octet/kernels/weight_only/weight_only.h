// Float rows by integer weights of 8 or 4 bits, which stay so up to the multiply-add: what a product of few rows takes
// is the time to read its weights, a quarter or an eighth of those of float.
//
//   const WeightOnlyForm form{.bits = 4, .block = 128};
//   pack_weight_only(form, {.m = rows, .n = n, .k = k, ...}, {w, scale, zero}, packed);
//   weight_only(form, gemm, x, packed, nullptr, epilogue, scratch, pool);
//
// Numbers of x become integers of 16 bits, in groups along k with a scale each, so that products and their sums within
// a group are exact integers. Groups are the weights' blocks, or kWeightOnlyGroup numbers where these are longer or
// none:
//
//   top[m][g]  = max over k in g of |x[m][k]|
//   q[m][k]    = rint(x[m][k] * float(32639 / top[m][g]))              |q| <= 32639, ties to even
//   s[m][g][n] = sum over k in g of q[m][k] * (w[k][n] - zero[block][n])
//   out[m][n]  = sum over g, in order, by fma, of float(s[m][g][n]) * (float(top[m][g] / 32639) * scale[block][n]),
//                then the epilogue without its own scales
//   without blocks: scale[n] * (sum over g, by fma, of float(s[m][g][n]) * float(top[m][g] / 32639))
//
// Every number of x is within top[m][g] * 2^-15.9 of its own (float activations of 8 bits: 2^-8), so an output is
// within 2^-15.9 * (sum over k of top[m][g(k)] * |weight[k][n]|) of the exact product, and random errors come to about
// 3e-5 of the output's size. A group whose top is below 4e-34 counts as zeros; a row with NaN or infinities is NaN
// throughout. The same bits on every instruction set, for any number of threads and of rows.
#pragma once

#include <cstdint>
#include <span>

#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels {

inline constexpr int kWeightOnlyColumns = 32;  ///< of a panel
inline constexpr int kWeightOnlyGroup = 128;   ///< numbers of a row that share a scale, at most

/// How weights are quantized: one scale a column, or one a block of k and column, with or without zero points.
struct WeightOnlyForm {
  int bits = 8;            ///< 8: [-128, 127]; 4: [-8, 7]
  std::int64_t block = 0;  ///< 0: one scale a column, no zero points
  bool zero_points = false;
};
/// Blocks are multiples of 8 below 128, or of 128.
bool weight_only_serves(const WeightOnlyForm& form);

struct WeightOnlyWeights {
  const std::int8_t* w;     ///< at the strides of the shape, one a byte also where bits is 4
  const float* scale;       ///< [ceil(K / block)][N]; null without blocks
  const std::int8_t* zero;  ///< [ceil(K / block)][N]; null without zero points
};

std::int64_t packed_bytes_weight_only(const WeightOnlyForm& form, const GemmShape& shape);
/// Panels [N / 32], K filled up to a multiple of 8, weights with 128 (or 8) added: [K / 4][32][4] bytes, or [K /
/// 8][32][4] whose low nibbles are the first four k and whose high ones are the last. With blocks each group of k is
/// followed by f32 scale[32] and, where there are any, 32 zero points as bytes, with 128 (or 8) added, filled up to 64.
void pack_weight_only(const WeightOnlyForm& form, const GemmShape& shape, const WeightOnlyWeights& weights,
                      void* packed);
/// Of m rows.
std::int64_t scratch_bytes_weight_only(const WeightOnlyForm& form, const GemmShape& shape);
/// One matrix. column_scale[N]: without blocks; else null.
void weight_only(const WeightOnlyForm& form, const GemmShape& shape, const float* x, const void* packed,
                 const float* column_scale, const Epilogue& epilogue, void* scratch, ThreadPool& pool);

/// Rows as integers. Every four q take eight bytes: the kernel's split and core agree on what lies there.
struct WeightOnlyRows {
  const char* digits;       ///< [rows][2 * K, filled up]
  std::int64_t row_bytes;   ///< from row to row of digits
  const float* scale;       ///< [rows][groups] float(top / 32639)
  const std::int32_t* sum;  ///< [rows][groups] of q
  std::int64_t group, groups;
  std::int64_t k;  ///< filled up to a multiple of 8
  WeightOnlyForm form;
};

/// A row of the table.
struct WeightOnlyKernel {
  const char* name;
  Isa isa;
  /// One row of k numbers into its digits, filled up with zeros, and the scale and sum of each group.
  void (*split)(const float* x, std::int64_t k, std::int64_t group, char* digits, float* scale,
                std::int32_t* sum) noexcept;
  /// sums[r][32] of `rows` rows by one panel of weights of 8 bits, and of 4.
  void (*core8)(const WeightOnlyRows& x, int rows, const void* panel, float* sums) noexcept;
  void (*core4)(const WeightOnlyRows& x, int rows, const void* panel, float* sums) noexcept;
};

std::span<const WeightOnlyKernel* const> weight_only_table();
const WeightOnlyKernel& select_weight_only();
void weight_only(const WeightOnlyKernel& kernel, const WeightOnlyForm& form, const GemmShape& shape, const float* x,
                 const void* packed, const float* column_scale, const Epilogue& epilogue, void* scratch,
                 ThreadPool& pool);

}  // namespace octet::kernels
