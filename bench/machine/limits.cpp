#include "bench/machine/limits.h"

#include <algorithm>

namespace octet::bench {
namespace {

double compute_seconds(const Work& work) { return work.peak > 0 ? work.operations / work.peak : 0; }

double memory_seconds(const Work& work, const std::vector<Level>& levels) {
  const double rate = levels.empty() ? 0 : level_of(levels, work.bytes).bytes_per_second;
  return rate > 0 ? static_cast<double>(work.bytes) / rate : 0;
}

}  // namespace

double share_of_limit(const Work& work, const std::vector<Level>& levels) {
  return work.seconds > 0 ? std::max(compute_seconds(work), memory_seconds(work, levels)) / work.seconds : 0;
}

std::string limit_of(const Work& work, const std::vector<Level>& levels) {
  if (share_of_limit(work, levels) < 0.5) return "overhead";
  if (compute_seconds(work) >= memory_seconds(work, levels)) return "compute";
  return "memory (" + level_of(levels, work.bytes).name + ")";
}

}  // namespace octet::bench
