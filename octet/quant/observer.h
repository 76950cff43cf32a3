// Observers: what calibration keeps of each value, in memory that does not grow with the samples.
//
//   auto state = make_observer(Observer::mse);
//   state->observe(batch.values<float>());         // one call a batch
//   Range range = state->range(scheme, {.percentile = 99.999});
//
// A state can be merged with another of the same kind (calibration split over machines), saved and
// loaded. One file an observer in observers/, one row each in observers/table.cpp.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "octet/quant/params.h"

namespace octet::quant {

struct RangeOptions {
  double percentile = 99.999;
};

class ObserverState {
 public:
  virtual ~ObserverState() = default;
  /// One batch of finite values (may be empty).
  virtual void observe(std::span<const float> batch) = 0;
  /// `other` is of the same kind; throws internal otherwise.
  virtual void merge(const ObserverState& other) = 0;
  /// The range to represent with the integers of `scheme`. min > max when nothing was observed.
  virtual Range range(const Scheme& scheme, const RangeOptions& options) const = 0;
  /// Smallest and largest value seen; min > max when nothing was observed.
  virtual Range seen() const = 0;
  virtual nlohmann::json save() const = 0;
  /// Throws bad_input when the form is not what save() writes.
  virtual void load(const nlohmann::json& saved) = 0;
};

struct ObserverRow {
  Observer kind;
  const char* name;  ///< as in statistics files and on the command line
  std::unique_ptr<ObserverState> (*make)();
};

std::span<const ObserverRow> observers();
std::unique_ptr<ObserverState> make_observer(Observer kind);
const char* to_string(Observer kind);
/// Throws usage, listing the names, for an unknown one.
Observer observer_from_name(const std::string& name);

}  // namespace octet::quant
