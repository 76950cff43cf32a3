// The choice among the tiles of a family.
#pragma once

#include <limits>
#include <span>

#include "octet/kernels/igemm/depthwise_rows.h"
#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels {

/// Of the best instruction set that may be used here, the first tile in the table, or a later one that
/// computes at least a twentieth fewer columns for N; from `many` columns on the widest that computes no more.
inline const IgemmKernel& select_tile(std::span<const IgemmKernel* const> table, std::int64_t n,
                                      std::int64_t many = std::numeric_limits<std::int64_t>::max()) {
  const IgemmKernel* best = nullptr;
  const auto columns = [n](const IgemmKernel* kernel) { return (n + kernel->nr - 1) / kernel->nr * kernel->nr; };
  for (const IgemmKernel* kernel : table) {
    if (!isa_allowed(kernel->isa)) continue;
    const bool fewer = best != nullptr && kernel->isa == best->isa && columns(kernel) * 20 <= columns(best) * 19;
    const bool wider = best != nullptr && kernel->isa == best->isa && n >= many && kernel->nr > best->nr &&
                       columns(kernel) <= columns(best);
    if (best == nullptr || fewer || wider) best = kernel;
  }
  return best == nullptr ? *table.back() : *best;
}

/// Whether a depthwise kernel serves this shape.
inline bool depthwise_fits(const IgemmKernel& kernel, const ConvShape& shape) {
  return kernel.rows == nullptr || depthwise_rows_fit(kernel, shape);
}

/// The first in the table that may be used here and fits; of two by rows, a narrower one where the wide
/// one's blocks would be emptier by a third.
inline const IgemmKernel& select_depthwise(std::span<const IgemmKernel* const> table, const ConvShape& shape) {
  const IgemmKernel* best = nullptr;
  const auto channels = [&shape](const IgemmKernel* k) { return (shape.out_channels + k->nr - 1) / k->nr * k->nr; };
  for (const IgemmKernel* kernel : table) {
    if (!isa_allowed(kernel->isa) || !depthwise_fits(*kernel, shape)) continue;
    const bool emptier = best != nullptr && kernel->isa == best->isa && kernel->rows != nullptr &&
                         best->rows != nullptr && channels(kernel) * 3 <= channels(best) * 2;
    if (best == nullptr || emptier) best = kernel;
  }
  return best == nullptr ? *table.back() : *best;
}

}  // namespace octet::kernels
