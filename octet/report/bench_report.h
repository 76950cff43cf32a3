// The result of `octet bench`: latency with its spread, what the machine gave meanwhile, and where time went.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "octet/runtime/session.h"

namespace octet::report {

struct Latency {
  double min_ms = 0, median_ms = 0, p90_ms = 0;
};
/// Nearest-rank percentiles of one or more times in seconds.
Latency latency_of(std::vector<double> seconds);

/// What this machine's processors gave during the measurement, with the same threads.
struct Probe {
  double int8_gops = 0, float_gflops = 0;  ///< 2 operations a multiply-accumulate
};

struct Against {
  std::string model;
  Latency latency;
};

/// Of the int8 multiply-accumulates that AVX2 kernels do (there is no one instruction for them): the share that is
/// added in 16 bits, proved exact as weights were packed; the rest took the wide path. None where no AVX2 kernel has
/// any.
std::optional<double> narrow_share(const std::vector<StepInfo>& steps);

struct BenchReport {
  Latency latency;
  int rounds = 0, threads = 0;
  std::int64_t batch = 1;
  std::int64_t peak_memory_bytes = 0;              ///< of the process
  std::int64_t arena_bytes = 0, packed_bytes = 0;  ///< of it: all values between layers, and packed weights
  Probe probe;
  std::optional<Against> against;
  std::optional<double> narrow_share;
  std::vector<StepInfo> operators;  ///< with --profile
  bool profiled = false;
};

nlohmann::ordered_json to_json(const BenchReport& report);
std::string to_text(const BenchReport& report, int width);

}  // namespace octet::report
