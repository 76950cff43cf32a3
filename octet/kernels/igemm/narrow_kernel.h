// Products of u8 and s8 added in 16 bits. vpmaddubsw adds two neighbouring products, and a narrow kernel
// the two of the next step of k to them, before anything is widened: exact where no such sum of four can
// leave 16 bits, whatever the activations. Packing makes that so: where the four weights of a sum could,
// it takes as little as must be off them, and notes what it took as a correction. Corrections are few;
// they are multiplied in 32 bits, sixteen rows at a time, and added to the sums of the tile. So each panel
// is proved as it is packed, and the bits are those of every other kernel.
//
// This header says what the files of an instruction set need to know; narrow.h has the rest.
#pragma once

#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels {

/// Neighbouring steps of k, in one tap, whose products a narrow kernel adds in 16 bits.
inline constexpr int kJoinedSteps = 2;
inline constexpr int kSpreadRows = 16;

/// What was taken off two neighbouring weights of a column.
struct Correction {
  std::int32_t at;  ///< bytes to their activations in spread rows
  std::int16_t weights[2];
};

/// Of a panel: column c has corrections [ends[c - 1], ends[c]), from 0.
struct Corrections {
  const std::int32_t* ends;
  const Correction* list;
};

/// What a narrow kernel has beside the members of IgemmKernel.
struct NarrowKernel {
  /// The activations of a tile of `rows` <= kSpreadRows rows as pairs of s16: out[taps][k_steps][2][kSpreadRows][2];
  /// in rows beyond `rows`, anything.
  void (*spread)(const TileArgs& tile, int rows, std::int16_t* out) noexcept;
  /// acc[kSpreadRows][nr] += the corrections times the spread activations.
  void (*correct)(const std::int16_t* spread, const Corrections& corrections, std::int32_t* acc) noexcept;
};

/// s16 in spread rows, of a tile whose taps have `steps` steps of k together.
static constexpr std::int64_t spread_size(std::int64_t steps) { return steps * 4 * kSpreadRows; }

}  // namespace octet::kernels
