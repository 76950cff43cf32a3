// What this machine's processors give right now, through the engine's own kernels.
#pragma once

#include "octet/report/bench_report.h"

namespace octet::app {

/// A matrix product of 128 x 768 x 768, in float and in int8, each repeated for some milliseconds.
class MachineProbe {
 public:
  explicit MachineProbe(int threads);
  ~MachineProbe();
  /// Measures; keeps the best seen so far.
  void measure();
  const report::Probe& best() const { return best_; }

 private:
  struct Networks;
  std::unique_ptr<Networks> networks_;
  report::Probe best_;
};

/// Largest resident memory of this process so far, in bytes.
std::int64_t peak_memory_bytes();

}  // namespace octet::app
