// Where values live in one arena: offsets such that values alive at the same time never overlap.
//
//   MemoryPlan plan = plan_memory({{.bytes = 4096, .first = 0, .last = 2}, ...});
#pragma once

#include <cstdint>
#include <vector>

namespace octet::runtime {

/// A block needed from step `first` to step `last`, both included.
struct MemoryBlock {
  std::int64_t bytes = 0;
  int first = 0, last = 0;
};

struct MemoryPlan {
  std::vector<std::int64_t> offsets;  ///< one a block, multiples of kArenaAlignment
  std::int64_t bytes = 0;             ///< of the whole arena
};

inline constexpr std::int64_t kArenaAlignment = 64;

/// First fit by decreasing size: each block takes the lowest gap that is free over its whole life.
MemoryPlan plan_memory(const std::vector<MemoryBlock>& blocks);

}  // namespace octet::runtime
