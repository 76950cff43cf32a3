// How weights are made fit for a narrow kernel (narrow_kernel.h), and whether that pays.
#pragma once

#include "octet/kernels/igemm/narrow_kernel.h"
#include "octet/kernels/igemm/pack.h"

namespace octet::kernels {

/// Weights of one sign may sum up to this: 255 * 128 < 2^15, and -255 * 128 >= -2^15.
inline constexpr int kMostWeight = 128;
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
