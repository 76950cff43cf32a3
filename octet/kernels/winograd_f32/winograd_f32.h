// Dense 3x3 convolution of stride 1, NHWC f32, by Winograd's F(4x4, 3x3): 36 products for 16 outputs instead of 144.
//
//   if (winograd_fits(shape)) {
//     pack_winograd_f32(shape, weights, packed, pool);
//     winograd_f32(shape, in, packed, epilogue, scratch);
//   }
//
//   V = B' d B of every 6x6 patch, U = G w G' of every filter, Y = A' (sum over channels of U V) A
// at the points 0, 1, -1, 2, -2 and infinity.
// Each output is one fixed sequence of operations, whatever is done in parallel around it. Rounding errors are some
// ten times those of the direct form (sums of products of sums), which is why only training uses it.
// Source: Lavin & Gray 2015 (arXiv 1509.09308).
#pragma once

#include <span>

#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels {

/// 3x3, stride and dilation 1, one group, channels in multiples of 16.
bool winograd_fits(const ConvShape& shape);
/// The epilogue has a bias, an f32 residual, ReLU and an f32 output at most.
bool winograd_fits(const Epilogue& epilogue);

std::int64_t winograd_packed_bytes(const ConvShape& shape);
std::int64_t winograd_scratch_bytes(const ConvShape& shape);
/// w [out_channels][in_channels][3][3].
void pack_winograd_f32(const ConvShape& shape, const float* w, void* packed, ThreadPool& pool);
/// On the caller's thread alone.
void winograd_f32(const ConvShape& shape, const float* in, const void* packed, const Epilogue& epilogue, void* scratch);

/// Where the sixteen outputs of a tile go, and what is added to them.
struct WinogradOut {
  float* out[16] = {};  ///< null: beyond the image
  const float* residual[16] = {};
  const float* bias = nullptr;
  bool relu = false;
};

/// A row of the table: transforms of one tile, sixteen channels at a time.
struct WinogradKernel {
  const char* name;
  Isa isa;
  /// v[i * step + c] of the 36 pixels of a patch, row by row.
  void (*input)(const float* const* pixels, std::int64_t channels, std::int64_t step, float* v) noexcept;
  /// Outputs from m[i * step + n], n < columns.
  void (*output)(const float* m, std::int64_t step, std::int64_t columns, const WinogradOut& to) noexcept;
  /// v[i * step + n] = (A dy A')[i] of the sixteen gradients of a tile's outputs.
  void (*gradient)(const float* const* dy, std::int64_t columns, std::int64_t step, float* v) noexcept;
};

std::span<const WinogradKernel* const> winograd_table();
const WinogradKernel& select_winograd();
void winograd_f32(const WinogradKernel& kernel, const ConvShape& shape, const float* in, const void* packed,
                  const Epilogue& epilogue, void* scratch);

}  // namespace octet::kernels
