// What limits a kernel or a layer.
#pragma once

#include "bench/machine/memory.h"

namespace octet::bench {

struct Work {
  double seconds = 0, operations = 0;
  double peak = 0;  ///< operations a second at best
  std::int64_t bytes = 0;
};

/// The rule: at the peak the operations take a time, and at the rate of the first level of memory that holds them the
/// bytes take another. If the longer of the two is half of the measured time or more, it is the limit ("compute",
/// "memory (L2)"); otherwise "overhead": what is done around the products, and starting it all.
std::string limit_of(const Work& work, const std::vector<Level>& levels);

/// The longer of the two times as a share of the measured one.
double share_of_limit(const Work& work, const std::vector<Level>& levels);

}  // namespace octet::bench
