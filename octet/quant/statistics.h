// What calibration learned: the state of an observer for each value, by name; saved and loaded as JSON.
#pragma once

#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "octet/quant/observer.h"

namespace octet::quant {

class Statistics {
 public:
  explicit Statistics(Observer observer = Observer::mse) : observer_(observer) {}

  Observer observer() const { return observer_; }
  /// One batch of a value; all finite.
  void observe(const std::string& name, std::span<const float> batch);
  /// Adds what another run (same observer) learned.
  void merge(const Statistics& other);
  bool has(const std::string& name) const { return entries_.contains(name); }
  /// The range of several values that are to share parameters. Throws bad_input for a name without data.
  Range range(const std::vector<std::string>& names, const Scheme& scheme, const RangeOptions& options) const;
  /// Warnings on values of which very few (under 1 in 10,000) lie 2^8 times and more beyond all others.
  std::vector<std::string> outliers() const;

  std::int64_t samples = 0, batches = 0;

  /// The whole as JSON text; read() throws bad_input for another form.
  std::string write() const;
  static Statistics read(const std::string& text);

 private:
  struct Entry {
    std::shared_ptr<ObserverState> state;
    std::array<std::uint64_t, 256> octaves{};  ///< values by binary exponent
  };
  Entry& entry(const std::string& name);

  Observer observer_;
  std::map<std::string, Entry> entries_;
};

}  // namespace octet::quant
