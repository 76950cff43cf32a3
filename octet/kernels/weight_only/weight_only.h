// Float rows by int8 weights, which stay int8 up to the multiply-add: what a product of few rows takes is the time to
// read its weights, a quarter of those of float.
//
//   pack_weight_only({.m = rows, .n = n, .k = k, ...}, w, packed);
//   weight_only(gemm, x, packed, scale, epilogue, scratch, pool);
//
// Numbers of x become integers of 16 bits, in groups of kWeightOnlyGroup along k with a scale each, so that products
// and their sums within a group are exact integers:
//
//   top[m][g]  = max over k in g of |x[m][k]|
//   q[m][k]    = rint(x[m][k] * float(32639 / top[m][g]))              |q| <= 32639, ties to even
//   out[m][n]  = scale[n] * (sum over g, in order, by fma, of float(sum over k in g of q[m][k] * w[k][n]) *
//                            float(top[m][g] / 32639)), then the epilogue without its own scales
//
// Every number of x is within top[m][g] * 2^-15.9 of its own (float activations of 8 bits: 2^-8), so an output is
// within 2^-15.9 * scale[n] * (sum over k of top[m][g(k)] * |w[k][n]|) of the exact product, and random errors come to
// about 3e-5 of the output's size. A group whose top is below 4e-34 counts as zeros; a row with NaN or infinities is
// NaN throughout. The same bits on every instruction set, for any number of threads and of rows.
#pragma once

#include <cstdint>
#include <span>

#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels {

inline constexpr int kWeightOnlyColumns = 32;  ///< of a panel
inline constexpr int kWeightOnlyGroup = 128;   ///< numbers of a row that share a scale

std::int64_t packed_bytes_weight_only(const GemmShape& shape);
/// w at the strides of `shape`, plus 128, into panels [N / 32][K / 4][32][4], K filled up to a multiple of 8.
void pack_weight_only(const GemmShape& shape, const std::int8_t* w, void* packed);
/// Of m rows.
std::int64_t scratch_bytes_weight_only(const GemmShape& shape);
/// One matrix. scale[N].
void weight_only(const GemmShape& shape, const float* x, const void* packed, const float* scale,
                 const Epilogue& epilogue, void* scratch, ThreadPool& pool);

/// Rows as integers. Every four q take eight bytes: the kernel's split and core agree on what lies there.
struct WeightOnlyRows {
  const char* digits;       ///< [rows][2 * K, filled up]
  std::int64_t row_bytes;   ///< from row to row of digits
  const float* scale;       ///< [rows][groups] float(top / 32639)
  const std::int32_t* sum;  ///< [rows][groups] of q
  std::int64_t groups;
  std::int64_t k;  ///< filled up to a multiple of 8
};

/// A row of the table.
struct WeightOnlyKernel {
  const char* name;
  Isa isa;
  /// One row of k numbers into its digits, filled up with zeros, and the scale and sum of each group.
  void (*split)(const float* x, std::int64_t k, char* digits, float* scale, std::int32_t* sum) noexcept;
  /// sums[r][32] of `rows` rows by one panel.
  void (*core)(const WeightOnlyRows& x, int rows, const void* panel, float* sums) noexcept;
};

std::span<const WeightOnlyKernel* const> weight_only_table();
const WeightOnlyKernel& select_weight_only();
void weight_only(const WeightOnlyKernel& kernel, const GemmShape& shape, const float* x, const void* packed,
                 const float* scale, const Epilogue& epilogue, void* scratch, ThreadPool& pool);

}  // namespace octet::kernels
