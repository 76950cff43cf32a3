#include "octet/kernels/igemm/narrow.h"

#include <algorithm>
#include <vector>

namespace octet::kernels {
namespace {

constexpr int kPairs = 2;  // of a step

// What the positive weights of a sum have beyond the limit, and the negative ones.
struct Excess {
  int above = 0, below = 0;

  void add(int w) {
    above += std::max(w, 0);
    below += std::max(-w, 0);
  }
  void cut() {
    above = std::max(0, above - kMostWeight);
    below = std::max(0, below - kMostWeight);
  }
  bool any() const { return above > 0 || below > 0; }
  // Takes off a weight what it can of the excess.
  int take(std::int8_t& w) {
    const int taken = w > 0 ? std::min<int>(w, above) : -std::min<int>(-w, below);
    (w > 0 ? above : below) -= taken > 0 ? taken : -taken;
    w = static_cast<std::int8_t>(w - taken);
    return taken;
  }
};

// The pairs of weights of one column that are added in 16 bits.
struct Sum {
  std::int8_t* pairs[kJoinedSteps];
  int count;

  // The pair that gives most of the excess first: often it gives all.
  int first(const Excess& excess) const {
    int best = 0, most = -1;
    for (int i = 0; i < count; ++i) {
      Excess left = excess;
      std::int8_t copy[2] = {pairs[i][0], pairs[i][1]};
      left.take(copy[0]);
      left.take(copy[1]);
      const int given = excess.above + excess.below - left.above - left.below;
      if (given > most) best = i;
      most = std::max(most, given);
    }
    return best;
  }
};

}  // namespace

Corrections corrections_of(const IgemmKernel& kernel, const void* place) {
  const auto* ends = static_cast<const std::int32_t*>(place);
  return {ends, reinterpret_cast<const Correction*>(ends + kernel.nr)};
}

std::int64_t split_weights(const IgemmKernel& kernel, std::int64_t taps, std::int64_t steps, std::int8_t* panel,
                           void* place) {
  auto* ends = static_cast<std::int32_t*>(place);
  auto* list = place == nullptr ? nullptr : reinterpret_cast<Correction*>(ends + kernel.nr);
  const std::int64_t room = correction_room(kernel, taps * steps), step_bytes = std::int64_t{kernel.nr} * kernel.kr;
  std::int64_t count = 0;
  const auto split = [&](std::int64_t first, const Sum& sum) {
    Excess excess;
    for (int i = 0; i < sum.count * 2; ++i) excess.add(sum.pairs[i / 2][i % 2]);
    excess.cut();
    if (!excess.any()) return;
    for (int i = sum.first(excess); excess.any(); i = (i + 1) % sum.count, ++count) {
      Correction made{static_cast<std::int32_t>((first + i * kPairs) * kSpreadRows * 4), {}};
      for (const int j : {0, 1}) made.weights[j] = static_cast<std::int16_t>(excess.take(sum.pairs[i][j]));
      if (list != nullptr && count < room) list[count] = made;
    }
  };
  for (int c = 0; c < kernel.nr; ++c) {
    for (std::int64_t tap = 0; tap < taps; ++tap) {
      for (std::int64_t s = 0; s < steps; s += kJoinedSteps) {
        for (int pair = 0; pair < kPairs; ++pair) {
          std::int8_t* w = panel + (tap * steps + s) * step_bytes + c * kernel.kr + pair * 2;
          const int joined = static_cast<int>(std::min<std::int64_t>(kJoinedSteps, steps - s));
          split((tap * steps + s) * kPairs + pair, {{w, w + step_bytes}, joined});
        }
      }
    }
    if (ends != nullptr) ends[c] = static_cast<std::int32_t>(count);
  }
  return count;
}

NarrowFit fit_narrow(const IgemmKernel& kernel, const WeightSource& source) {
  const std::int64_t steps = (source.k + kernel.kr - 1) / kernel.kr, all_steps = source.taps * steps;
  NarrowFit fit{.fits = true, .panels = (source.n + kernel.nr - 1) / kernel.nr, .steps = all_steps};
  std::vector<std::int8_t> panel(static_cast<std::size_t>(all_steps * kernel.nr * kernel.kr));
  for (std::int64_t i = 0; i < fit.panels && fit.fits; ++i) {
    pack_weights(kernel, source, i, panel.data());
    const std::int64_t count = split_weights(kernel, source.taps, steps, panel.data(), nullptr);
    fit.corrections += count;
    fit.fits = count <= correction_room(kernel, all_steps) && (count == 0 || all_steps <= kMostSpreadSteps);
  }
  return fit;
}

bool narrow_pays(const NarrowFit& fit, std::int64_t m) {
  if (!fit.fits) return false;
  if (fit.corrections == 0) return true;
  // Cycles of a panel, measured: products; for each kSpreadRows rows the transpose that adds corrections to the sums,
  // the corrections, and spreading, which is done once for all panels.
  const double products = static_cast<double>(m) * static_cast<double>(fit.steps);
  const std::int64_t groups = (m + kSpreadRows - 1) / kSpreadRows;
  const auto corrections = static_cast<double>(fit.corrections), panels = static_cast<double>(fit.panels);
  const double more = 40 + (2.6 * corrections + 8 * static_cast<double>(fit.steps)) / panels;
  return 1.84 * products + static_cast<double>(groups) * more < 2.9 * products;
}

}  // namespace octet::kernels
