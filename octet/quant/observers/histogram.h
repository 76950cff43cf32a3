// What torch's histogram observers share: counts in 2,048 linear bins over a range, and the search in them.
#pragma once

#include <vector>

#include "octet/quant/observers/observers.h"
#include "octet/quant/observers/state_json.h"

namespace octet::quant {

inline constexpr int kHistogramBins = 2048;
using HistogramBins = std::vector<float>;

/// torch.histc: counts of the values in [range.min, range.max]; a single value gets a range of one unit on each side.
void count_into(HistogramBins& bins, std::span<const float> values, Range range, float weight = 1);
/// Smallest and largest of values that there are.
Range range_of(std::span<const float> values);

class Histogram : public ObserverState {
 public:
  void observe(std::span<const float> batch) override;
  void merge(const ObserverState& other) override;
  Range range(const Scheme&, const RangeOptions&) const override;
  Range seen() const override { return seen_; }
  nlohmann::json save() const override;
  void load(const nlohmann::json& saved) override;

 protected:
  bool empty() const { return seen_.min > seen_.max; }
  Range widen(Range with) const { return {std::min(seen_.min, with.min), std::max(seen_.max, with.max)}; }
  // `fresh` covers `wider`, which holds what was seen before.
  void add(const HistogramBins& fresh, Range wider);

  HistogramBins bins_ = HistogramBins(kHistogramBins, 0.0F);
  Range seen_ = kNothing;
};

}  // namespace octet::quant
