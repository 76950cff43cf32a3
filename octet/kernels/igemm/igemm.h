// Indirect GEMM: the one driver behind dense convolution and matrix products, int8 and float.
//
//   C[m][n] = sum over taps t and k:  A[row(m) + tap(t) + k] * W[t][k][n]
//
// A row of A is a place in a (padded) NHWC image, and a tap a fixed distance from it, so a kxk
// convolution needs no im2col; a plain GEMM has one tap. This header says what the families
// igemm_u8s8 and igemm_f32 have in common.
#pragma once

#include <cstdint>

#include "octet/base/cpu.h"
#include "octet/base/threads.h"
#include "octet/kernels/igemm/epilogue.h"

namespace octet::kernels {

/// A two-dimensional NHWC convolution (one-dimensional: heights of 1).
///   out[b][oy][ox][oc] = sum over ky, kx, c of
///       in[b][oy * stride_h + ky * dilation_h - pad_top][ox * stride_w + kx * dilation_w - pad_left][c] *
///       w[oc][c][ky][kx]
/// where what lies outside the image is zero (for u8: the zero point). Channels are split in `groups`
/// equal parts. The output may reach as far below and to the right as its size says.
struct ConvShape {
  std::int64_t batch = 1, in_height = 1, in_width = 1, in_channels = 1;
  std::int64_t out_height = 1, out_width = 1, out_channels = 1;
  std::int64_t kernel_height = 1, kernel_width = 1;
  std::int64_t stride_h = 1, stride_w = 1, dilation_h = 1, dilation_w = 1, pad_top = 0, pad_left = 0;
  std::int64_t groups = 1;
  std::int64_t in_stride = 0;  ///< elements from pixel to pixel; 0: in_channels
};

/// C[b][m][n] = sum over k of A[b][m][k] * B[b][k][n], for a batch of `outer` x `inner` products: a
/// number's place is outer_index * stride[0] + inner_index * stride[1] + its place in the matrix.
/// Stride 0 shares a matrix. B[k][n] lies at k * b_k_stride + n * b_n_stride. The residual of the
/// epilogue has C's batch strides; its row arrays run through the batch.
struct GemmShape {
  std::int64_t m = 1, n = 1, k = 1;
  std::int64_t lda = 0;  ///< elements from row to row of A; 0: k
  std::int64_t b_k_stride = 0, b_n_stride = 1;
  std::int64_t outer = 1, inner = 1;
  std::int64_t a_stride[2] = {0, 0}, b_stride[2] = {0, 0}, c_stride[2] = {0, 0};
};

/// One tile of work. All offsets are bytes; every step of k reads 4 bytes of each row: one f32, two
/// s16 or four u8, the last step of a tap maybe beyond k (weights are zero there).
struct TileArgs {
  const char* a = nullptr;
  const std::int64_t* rows = nullptr;  ///< [rows] bytes from a
  const std::int64_t* taps = nullptr;
  std::int64_t tap_count = 0, k_steps = 0;
  std::int64_t panel_skip = 0;  ///< bytes of the panel between a tap's last step and the next tap's first
  std::int64_t offset = 0;      ///< added to every row; depthwise: where the panel's channels begin
  const void* panel = nullptr;
  const std::int32_t* init = nullptr;  ///< [nr] what s32 sums start from

  const char* row(std::int64_t m) const { return a + rows[m]; }
};

struct DepthwiseRows;
struct NarrowKernel;

inline constexpr int kRowPanels = 4;  ///< that a row_core takes at once

/// Core and epilogue in one of whole tiles of mr rows and nr columns, one below the other: span.rows is a multiple of
/// mr.
using FusedTile = void (*)(const TileArgs& tile, const Epilogue& epilogue, const TileSpan& span) noexcept;
/// For rows of the output one after another, and for any.
struct FusedTiles {
  FusedTile in_order = nullptr, anywhere = nullptr;
};

/// A row of a kernel table. Packed weights: panels [N/nr][taps][K/kr][nr][kr], zero-filled, each
/// followed by the s32 column sums [nr] of its weights where these are s8, and a narrow kernel's corrections.
struct IgemmKernel {
  const char* name;
  Isa isa;
  int mr, nr, kr;
  int a_bytes;    ///< of an activation as the core reads it: 1 u8, 2 s16 with the zero point taken off, 4 f32
  int acc_bytes;  ///< of a sum: 4, or 8 in the wide path
  /// Sums of the first `rows` <= mr rows of a tile, into acc[rows][nr].
  void (*core)(const TileArgs& tile, int rows, void* acc) noexcept;
  /// Epilogue of a tile whose sums are acc[rows][nr].
  void (*finish)(const Epilogue& epilogue, const void* acc, const TileSpan& span) noexcept;
  /// The sums of one row with `panels` <= kRowPanels panels, panel_bytes apart, into acc[panels][nr]; tile.init is
  /// [panels][nr]. May be null.
  void (*row_core)(const TileArgs& tile, int panels, std::int64_t panel_bytes, void* acc) noexcept = nullptr;
  /// What does both for whole tiles from column n on, or nulls where this epilogue needs stored sums.
  FusedTiles (*fused)(const Epilogue& epilogue, std::int64_t n) noexcept = nullptr;
  /// Depthwise kernels that work by rows of the image (depthwise_rows.h) have this in place of a core.
  const DepthwiseRows* rows = nullptr;
  /// Of kernels that add products in 16 bits (narrow_kernel.h); they serve only weights that fit.
  const NarrowKernel* narrow = nullptr;
};

}  // namespace octet::kernels
