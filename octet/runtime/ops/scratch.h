// Parts of a step's scratch memory.
#pragma once

#include <cstdint>

namespace octet::runtime {

/// Filled up to whole lines of the cache, where the next part begins.
inline std::int64_t aligned(std::int64_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace octet::runtime
