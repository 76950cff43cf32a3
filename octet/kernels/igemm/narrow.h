// Products of u8 and s8 added in 16 bits. vpmaddubsw adds two neighbouring products, and a narrow kernel
// the two of the next step of k to them, before anything is widened: exact where no such sum of four can
// leave 16 bits, whatever the activations. Packing makes that so: where the four weights of a sum could,
// it takes as little as must be off them, and notes what it took as a correction. Corrections are few;
// they are multiplied in 32 bits, sixteen rows at a time, and added to the sums of the tile. So each panel
// is proved as it is packed, and the bits are those of every other kernel.
#pragma once

#include "octet/kernels/igemm/igemm.h"
#include "octet/kernels/igemm/pack.h"

namespace octet::kernels {

/// Neighbouring steps of k, in one tap, whose products a narrow kernel adds in 16 bits.
inline constexpr int kJoinedSteps = 2;
/// Weights of one sign may sum up to this: 255 * 128 < 2^15, and -255 * 128 >= -2^15.
inline constexpr int kMostWeight = 128;
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
constexpr std::int64_t spread_size(std::int64_t steps) { return steps * 4 * kSpreadRows; }
/// Steps of k, of all taps, of which spread rows are not too large.
inline constexpr std::int64_t kMostSpreadSteps = 640;

/// Corrections that a panel has room for; with more a kernel would not pay.
inline std::int64_t correction_room(const IgemmKernel& kernel, std::int64_t steps) { return steps * kernel.nr * 3 / 8; }
inline std::int64_t correction_bytes(const IgemmKernel& kernel, std::int64_t steps) {
  return kernel.nr * 4 + correction_room(kernel, steps) * static_cast<std::int64_t>(sizeof(Correction));
}
Corrections corrections_of(const IgemmKernel& kernel, const void* place);

/// Makes the weights of a panel [taps][steps][nr][4] fit 16 bits and writes the corrections to `place`, of
/// correction_bytes. Returns how many there are; with `place` null or too small they are only counted.
std::int64_t split_weights(const IgemmKernel& kernel, std::int64_t taps, std::int64_t steps, std::int8_t* panel,
                           void* place);

/// Whether a narrow kernel serves weights, and the corrections and panels of one matrix (of one group, on average).
struct NarrowFit {
  bool fits = false;
  std::int64_t corrections = 0, panels = 0;
  std::int64_t steps = 0;  ///< of k, of all taps
};
NarrowFit fit_narrow(const IgemmKernel& kernel, const WeightSource& source);
/// Whether m rows take less time than in the wide kernel of the same instruction set.
bool narrow_pays(const NarrowFit& fit, std::int64_t m);

}  // namespace octet::kernels
