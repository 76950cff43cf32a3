// Depthwise convolution row by row, for the kernels of 3 or 5 taps a side that networks have: a row of
// outputs of one block of channels in one sweep over the columns of its input. Each column is read once
// and added to every output that it reaches; nothing is copied, and padding is read from a block of zeros.
#pragma once

#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels {

inline constexpr int kPixelsAtOnce = 32;  ///< whose sums stay in L1

/// One row of outputs, or two, of one block of channels. Sums and constants lie in the kernel's order of channels.
struct DepthwiseRow {
  const char* const* rows = nullptr;    ///< [kernel_height] pixel 0 of the input's rows
  const std::int64_t* steps = nullptr;  ///< [kernel_height] bytes from pixel to pixel; 0 in padding
  const char* zeros = nullptr;          ///< a block of channels of padding
  std::int64_t in_width = 0, pad_left = 0;
  std::int64_t begin = 0, end = 0;     ///< outputs of the row to compute
  int channels = 0;                    ///< of the block that exist
  const void* weights = nullptr;       ///< [kernel_width][parts][block], or as `halves` has them
  const std::int32_t* init = nullptr;  ///< [block] what s32 sums start from
  const float* scale = nullptr;        ///< [block], of s32 sums
  const Epilogue* epilogue = nullptr;
  std::uint8_t low = 0, high = 255;  ///< the activation's limits, as bytes of the output
  bool in_registers = false;         ///< finish by the epilogue, which is one of those that a sweep knows
  void* acc = nullptr;               ///< else: sums [end - begin][block] in the order of channels, for kernel->finish
  std::int64_t m = 0, n = 0;         ///< the row's first pixel, the block's first channel
  /// Where the kernel goes by halves: [kernel_width][block] what a column of padding adds to s32 sums.
  const std::int32_t* padding = nullptr;
  std::int64_t out_width = 0;  ///< pixels from a row of outputs to the next
};

using DepthwiseRowFunction = void (*)(const DepthwiseRow& row) noexcept;

/// What IgemmKernel::rows points to in a kernel that works by rows.
struct DepthwiseRows {
  /// Of kernels 3x3 and 5x5 (first index), strides 1 and 2 along a row.
  DepthwiseRowFunction run[2][2];
  int taps_a_part;            ///< rows of a column that one multiply-add takes: 1, 2 or 4
  int weight_bytes;           ///< of a packed weight: 1 s8, 2 s16, 4 f32
  const std::uint8_t* order;  ///< [nr]: which channel lies at a place; null: themselves
  bool whole_blocks;          ///< channels must be a multiple of nr
  /// Whether its kernels of stride 1 along a row go by halves of a block (depthwise_u8s8/halves.h): run[1][0], and
  /// two_rows of 3x3 outputs at once where the stride between rows is 1 too.
  bool halves = false;
  DepthwiseRowFunction two_rows = nullptr;
  /// For the last channels where its block holds them all: one of this family with a smaller block. May be null.
  const IgemmKernel* tail = nullptr;
};

/// Whether a kernel that works by rows serves this shape.
bool depthwise_rows_fit(const IgemmKernel& kernel, const ConvShape& shape);
std::int64_t depthwise_rows_packed_bytes(const IgemmKernel& kernel, const ConvShape& shape);
/// w [channels][kernel_height][kernel_width], s8 (flipped by `flip`) or f32.
void pack_depthwise_rows(const IgemmKernel& kernel, const ConvShape& shape, const void* w, int flip, void* packed);
void run_depthwise_rows(const IgemmKernel& kernel, const ConvShape& shape, const void* in, int zero_point,
                        const void* packed, const Epilogue& epilogue, void* scratch, ThreadPool& pool);
std::int64_t depthwise_rows_scratch_bytes(const IgemmKernel& kernel, const ConvShape& shape);

}  // namespace octet::kernels
