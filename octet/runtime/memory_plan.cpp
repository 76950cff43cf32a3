#include "octet/runtime/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace octet::runtime {

MemoryPlan plan_memory(const std::vector<MemoryBlock>& blocks) {
  const auto aligned = [](std::int64_t bytes) {
    return (bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
  };
  std::vector<std::size_t> order(blocks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return blocks[a].bytes != blocks[b].bytes ? blocks[a].bytes > blocks[b].bytes : a < b;
  });

  MemoryPlan plan;
  plan.offsets.assign(blocks.size(), 0);
  std::vector<std::size_t> placed;  // by offset
  for (const std::size_t i : order) {
    const MemoryBlock& block = blocks[i];
    const std::int64_t bytes = aligned(block.bytes);
    std::int64_t offset = 0;
    for (const std::size_t other : placed) {
      const MemoryBlock& there = blocks[other];
      if (there.last < block.first || block.last < there.first) continue;
      if (plan.offsets[other] >= offset + bytes) break;
      offset = std::max(offset, plan.offsets[other] + aligned(there.bytes));
    }
    plan.offsets[i] = offset;
    plan.bytes = std::max(plan.bytes, offset + bytes);
    const auto at = std::upper_bound(placed.begin(), placed.end(), offset, [&](std::int64_t value, std::size_t other) {
      return value < plan.offsets[other];
    });
    placed.insert(at, i);
  }
  return plan;
}

}  // namespace octet::runtime
