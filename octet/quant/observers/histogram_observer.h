// What the observers that search a FloatHistogram have in common.
#pragma once

#include <nlohmann/json.hpp>

#include "octet/quant/observers/float_histogram.h"
#include "octet/quant/observers/state_json.h"

namespace octet::quant {

class HistogramObserver : public ObserverState {
 public:
  void observe(std::span<const float> batch) override { histogram_.add(batch); }
  void merge(const ObserverState& other) override { histogram_.merge(same_kind<HistogramObserver>(other).histogram_); }
  Range seen() const override { return histogram_.count() == 0 ? kNothing : histogram_.seen(); }
  nlohmann::json save() const override { return histogram_.save(); }
  void load(const nlohmann::json& saved) override { histogram_.load(saved); }

 protected:
  FloatHistogram histogram_;
};

}  // namespace octet::quant
