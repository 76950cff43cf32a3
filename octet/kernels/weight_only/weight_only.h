// A few float rows by int8 weights, which are made float on the way from memory: what such a product takes is the time
// to read its weights, a quarter of those of float.
//
//   out[m][n] = scale[n] * (sum over k of x[m][k] * float(w[k][n])), then the epilogue without its own scales
//
//   pack_weight_only({.m = rows, .n = n, .k = k, ...}, w, packed);
//   weight_only(gemm, x, packed, scale, epilogue, pool);
#pragma once

#include <cstdint>
#include <span>

#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels {

inline constexpr int kWeightOnlyColumns = 64, kWeightOnlyRows = 8;

std::int64_t packed_bytes_weight_only(const GemmShape& shape);
/// w at the strides of `shape`, into panels [N / 64][K][64], filled up with zeros.
void pack_weight_only(const GemmShape& shape, const std::int8_t* w, void* packed);
/// At most kWeightOnlyRows rows; one matrix. scale[N].
void weight_only(const GemmShape& shape, const float* x, const void* packed, const float* scale,
                 const Epilogue& epilogue, ThreadPool& pool);

/// A row of the table.
struct WeightOnlyKernel {
  const char* name;
  Isa isa;
  /// sums[r][64] of rows [rows][lda] by one panel, each one chain over k.
  void (*core)(const float* x, std::int64_t lda, int rows, std::int64_t k, const std::int8_t* panel,
               float* sums) noexcept;
};

std::span<const WeightOnlyKernel* const> weight_only_table();
const WeightOnlyKernel& select_weight_only();
void weight_only(const WeightOnlyKernel& kernel, const GemmShape& shape, const float* x, const void* packed,
                 const float* scale, const Epilogue& epilogue, ThreadPool& pool);

}  // namespace octet::kernels
