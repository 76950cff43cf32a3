// Entropy: the clipping threshold whose quantized distribution loses least information, by the
// Kullback-Leibler divergence of the values' histogram (2,048 bins of |x|) from its image in the integers.
// Source: S. Migacz, 8-bit inference with TensorRT, GTC 2017. The threshold applies to both sides. The divergence
// compares shapes only: the few values left in a narrow range may look like the many that its last bin takes up, so
// thresholds that clip more than a hundredth of all values are not considered.
#include <algorithm>
#include <cmath>

#include "octet/quant/observers/histogram_observer.h"
#include "octet/quant/observers/observers.h"

namespace octet::quant {
namespace {

constexpr int kBins = 2048;
constexpr double kMostClipped = 0.01;

// |x| over [0, top] in kBins bins; what lies above goes to *beyond. Exact zeros are left out: every range
// represents them exactly, and after a Relu they would outweigh all else.
std::vector<double> magnitudes(const std::vector<FloatHistogram::Cell>& cells, double top, double* beyond) {
  std::vector<double> bins(kBins, 0.0);
  for (const auto& cell : cells) {
    const double x = std::abs(cell.centre());
    if (x == 0) continue;
    if (x > top) {
      *beyond += cell.count;
    } else {
      bins[std::min<std::size_t>(kBins - 1, static_cast<std::size_t>(x / top * kBins))] += cell.count;
    }
  }
  return bins;
}

// KL(P || Q) up to P's normalisation: P is bins[0, width) with all that is clipped in its last bin, Q the
// same bins averaged in `levels` groups (over the occupied bins of a group).
double divergence(const std::vector<double>& bins, int width, int levels, double clipped, double total) {
  double kept = 0;
  for (int i = 0; i < width; ++i) kept += bins[static_cast<std::size_t>(i)];
  if (kept == 0) return INFINITY;
  constexpr double kSmallest = 1e-4;  // of one count: a bin that only the clipped values fill
  double sum = 0;
  for (int level = 0; level < levels; ++level) {
    const int begin = static_cast<int>(std::int64_t{level} * width / levels);
    const int end = static_cast<int>((std::int64_t{level} + 1) * width / levels);
    double mass = 0;
    int occupied = 0;
    for (int i = begin; i < end; ++i) {
      mass += bins[static_cast<std::size_t>(i)];
      if (bins[static_cast<std::size_t>(i)] > 0 || (i == width - 1 && clipped > 0)) ++occupied;
    }
    for (int i = begin; i < end; ++i) {
      const double p = (bins[static_cast<std::size_t>(i)] + (i == width - 1 ? clipped : 0)) / total;
      const double q = std::max(occupied > 0 ? mass / occupied : 0, kSmallest) / kept;
      if (p > 0) sum += p * std::log(p / q);
    }
  }
  return sum;
}

class Entropy : public HistogramObserver {
 public:
  Range range(const Scheme& scheme, const RangeOptions&) const override {
    if (histogram_.count() == 0) return kNothing;
    const Range seen = histogram_.seen();
    const double widest = std::max(std::abs(double{seen.min}), std::abs(double{seen.max}));
    if (widest == 0) return seen;
    const double central = std::max(-histogram_.quantile(0.0001), histogram_.quantile(0.9999));
    const double top = central > 0 ? std::min(widest, 8 * central) : widest;  // an outlier must not take all the bins
    double beyond = 0;
    const std::vector<double> bins = magnitudes(histogram_.cells(top / (4 * kBins)), top, &beyond);
    const double threshold = search(bins, beyond, one_sided(seen) ? levels(scheme) : levels(scheme) / 2) * top / kBins;
    const auto limit = static_cast<float>(std::min(threshold, widest));
    return {std::max(seen.min, -limit), std::min(seen.max, limit)};
  }

 private:
  static bool one_sided(Range seen) { return seen.min >= 0 || seen.max <= 0; }
  static int levels(const Scheme& scheme) {
    const int all = scheme.qmax - scheme.qmin + 1;
    return scheme.symmetric ? all / 2 : all;
  }

  // The number of bins kept, from `levels` to all of them.
  static int search(const std::vector<double>& bins, double beyond, int levels) {
    double total = beyond;
    for (const double count : bins) total += count;
    double inside = 0, least = INFINITY;
    int best = kBins;
    for (int width = 1; width <= kBins; ++width) {
      inside += bins[static_cast<std::size_t>(width) - 1];
      if (width < levels || total - inside > kMostClipped * total) continue;
      const double loss = divergence(bins, width, levels, total - inside, total);
      if (loss < least) {
        least = loss;
        best = width;
      }
    }
    return best;
  }
};

}  // namespace

std::unique_ptr<ObserverState> make_entropy() { return std::make_unique<Entropy>(); }

}  // namespace octet::quant
