// Mean squared error: the range whose quantization error, over all that was seen, is least.
//   E(min, max) = sum over cells of count * (x - dequantize(quantize(x)))^2
// Both ends shrink together first (64 steps), then each on its own.
#include <algorithm>
#include <cmath>

#include "octet/quant/observers/histogram_observer.h"
#include "octet/quant/observers/observers.h"

namespace octet::quant {
namespace {

using Cells = std::vector<FloatHistogram::Cell>;

// A clipped or rounded cell is taken at its centre: cells are several times narrower than a step.
double squared_error(const Cells& cells, Range range, const Scheme& scheme) {
  const Affine affine = choose_affine(range, scheme);
  const double scale = affine.scale, inverse = 1 / scale;
  const double low = scheme.qmin - affine.zero_point, high = scheme.qmax - affine.zero_point;
  double sum = 0;
  for (const auto& cell : cells) {
    const double x = cell.centre();
    const double error = x - std::clamp(std::nearbyint(x * inverse), low, high) * scale;
    sum += cell.count * error * error;
  }
  return sum;
}

class MeanSquaredError : public HistogramObserver {
 public:
  Range range(const Scheme& scheme, const RangeOptions&) const override {
    if (histogram_.count() == 0) return kNothing;
    constexpr int kSteps = 64, kBins = 4096;
    const Cells cells = histogram_.cells(histogram_.resolution(kBins));
    const Range whole = histogram_.seen();
    Range best = whole;
    double least = squared_error(cells, best, scheme);
    const auto try_range = [&](Range candidate) {
      const double error = squared_error(cells, candidate, scheme);
      if (error < least) {
        least = error;
        best = candidate;
      }
    };
    const auto shrunk = [](float end, int step) { return end * (1 - static_cast<float>(step) / (kSteps + 1)); };
    for (int step = 1; step <= kSteps; ++step) try_range({shrunk(whole.min, step), shrunk(whole.max, step)});
    if (scheme.symmetric) return best;
    for (const bool lower : {true, false}) {
      const Range start = best;
      for (int step = -kSteps / 4; step <= kSteps / 2; ++step) {
        if (lower) try_range({std::max(whole.min, shrunk(start.min, step)), start.max});
        if (!lower) try_range({start.min, std::min(whole.max, shrunk(start.max, step))});
      }
    }
    return best;
  }
};

}  // namespace

std::unique_ptr<ObserverState> make_mse() { return std::make_unique<MeanSquaredError>(); }

}  // namespace octet::quant
