// Seconds, for the benches.
#pragma once

#include <chrono>

namespace octet::bench {

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

}  // namespace octet::bench
