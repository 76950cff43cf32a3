// torch's histogram observer as releases 1.x have it. It counts only values between the ends of the range truncated to
// whole numbers (histc takes them as integers there), yet searches in the bins as if they covered the range; a wider
// range is laid over a grid of 128 points a bin.
// Source: HistogramObserver of torch.ao.quantization 1.13.1.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "octet/quant/observers/histogram.h"

namespace octet::quant {
namespace {

constexpr int kUpsampling = 128;

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// Equal ends mean the ends of the values themselves.
HistogramBins counted(std::span<const float> values, Range range) {
  Range whole{std::trunc(range.min), std::trunc(range.max)};
  if (whole.min == whole.max) whole = range_of(values);
  HistogramBins bins(kHistogramBins, 0.0F);
  count_into(bins, values, whole);
  return bins;
}

class HistogramTorch1 : public Histogram {
 public:
  void observe(std::span<const float> batch) override {
    if (batch.empty()) return;
    if (empty() || seen_.min == seen_.max) {
      seen_ = range_of(batch);
      bins_ = counted(batch, seen_);
      return;
    }
    const Range wider = widen(range_of(batch));
    const float grid = (seen_.max - seen_.min) / static_cast<float>(kHistogramBins * kUpsampling);
    const float covered = kHistogramBins * grid;
    const auto every = static_cast<std::int64_t>(std::ceil((wider.max - wider.min) / covered));
    const Range combined{wider.min, wider.max + (static_cast<float>(every) * covered - (wider.max - wider.min))};
    const auto start = static_cast<std::int64_t>(std::nearbyint((seen_.min - wider.min) / grid));
    HistogramBins fresh = counted(batch, combined);
    if (combined.min == seen_.min && combined.max == seen_.max) {
      for (int i = 0; i < kHistogramBins; ++i) fresh[at(i)] += bins_[at(i)];
    } else {
      add_spread(fresh, start, every);
    }
    bins_ = std::move(fresh);
    seen_ = combined;
  }

 private:
  // The counts so far on a grid of kUpsampling points a bin from `start` on, `every` points of which make a new bin.
  void add_spread(HistogramBins& fresh, std::int64_t start, std::int64_t every) const {
    double integral = 0;
    float before = 0;  // torch keeps the shifted integral in float32
    for (std::int64_t bin = 0; bin < kHistogramBins; ++bin) {
      for (std::int64_t point = bin * every; point < (bin + 1) * every; ++point) {
        const std::int64_t from = point - start;
        if (from >= 0 && from < std::int64_t{kHistogramBins} * kUpsampling)
          integral += double{bins_[at(from / kUpsampling)]};
      }
      fresh[at(bin)] += static_cast<float>((integral - double{before}) / kUpsampling);
      before = static_cast<float>(integral);
    }
  }
};

}  // namespace

std::unique_ptr<ObserverState> make_histogram_torch1() { return std::make_unique<HistogramTorch1>(); }

}  // namespace octet::quant
