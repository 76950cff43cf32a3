// The indirect GEMM driver: cuts a problem into blocks of rows and panels of columns, gives them to
// the threads, and runs a kernel's core and epilogue tile by tile. It knows sizes in bytes only.
#pragma once

#include "octet/kernels/igemm/igemm.h"
#include "octet/kernels/igemm/row_table.h"

namespace octet::kernels {

/// Row m of A lies at image * steps[0] + y * steps[1] + x * steps[2], m = (image * height + y) * width + x.
struct RowMap {
  std::int64_t height = 1, width = 1;
  std::int64_t steps[3] = {0, 0, 0};  ///< bytes
};

/// Taps of a convolution that lie outside of its image read nothing but padding. Where that is zero they are left out:
/// along an axis, output place i and tap t read input place i * stride + t * dilation - pad of `size`.
struct TapAxis {
  std::int64_t count = 0;  ///< of the kernel, at most kMostTaps; 0: all taps of every place count
  std::int64_t stride = 1, dilation = 1, pad = 0, size = 0;
};
inline constexpr std::int64_t kMostTaps = 7;  ///< so that the places along an axis differ in at most kMostRuns ways

/// A batch of outer x inner products, or of groups.
struct IgemmProblem {
  const IgemmKernel* kernel = nullptr;
  std::int64_t m = 0, n = 0, k = 0;  ///< of one product; k of one tap
  std::int64_t tap_count = 1;
  const std::int64_t* taps = nullptr;  ///< bytes
  const void* a = nullptr;
  RowMap rows = {};
  TapAxis tap_rows = {};  ///< taps are rows of so many, one after another
  TapAxis tap_columns =
      {};  ///< and k is so many equal parts, of whole steps; nothing outside of the image is read then
  const RowTable* row_table = nullptr;  ///< of find_rows for as many threads, or null
  int a_zero_point = 0;                 ///< of u8 as a core reads it; 0 where the zero point is taken off
  const void* packed = nullptr;         ///< panels of nr columns
  std::int64_t panel_bytes = 0;
  std::int64_t sums_offset = -1;         ///< in a panel, of the s32 column sums of its weights; negative: none
  std::int64_t corrections_offset = -1;  ///< in a panel, of a narrow kernel's corrections; negative: none
  std::int64_t panel_step = 0;           ///< bytes from panel to panel in a row of A: depthwise reads its own columns
  std::int64_t outer = 1, inner = 1;
  std::int64_t a_step[2] = {0, 0}, packed_step[2] = {0, 0};  ///< bytes
  std::int64_t c_step[2] = {0, 0};                           ///< elements
  std::int64_t row_step = 0, column_step = 0;  ///< rows and columns of the epilogue's arrays, product to product
  Epilogue epilogue = {};
};

/// Sets n and what follows from it for weights that pack_panels has packed.
void set_weights(IgemmProblem& problem, std::int64_t n, const void* packed);

/// Where the rows of a problem lie, whose pointers and epilogue need not be set yet. Empty where a table would not pay.
RowTable find_rows(const IgemmProblem& problem, int threads);

/// Each size is at least 1, or the call does nothing.
void run_igemm(const IgemmProblem& problem, ThreadPool& pool);

}  // namespace octet::kernels
