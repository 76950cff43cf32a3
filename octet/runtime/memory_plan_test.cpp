#include "octet/runtime/memory_plan.h"

#include <gtest/gtest.h>

#include "octet/base/random.h"

namespace octet::runtime {
namespace {

TEST(MemoryPlan, BlocksThatNeverMeetShareTheirPlace) {
  const MemoryPlan plan = plan_memory({{100, 0, 1}, {100, 2, 3}});
  EXPECT_EQ(plan.offsets[0], plan.offsets[1]);
  EXPECT_EQ(plan.bytes, 128);
}

TEST(MemoryPlan, BlocksThatMeetAtOneStepDoNotOverlap) {
  const MemoryPlan plan = plan_memory({{64, 0, 1}, {64, 1, 2}});
  EXPECT_NE(plan.offsets[0], plan.offsets[1]);
  EXPECT_EQ(plan.bytes, 128);
}

TEST(MemoryPlan, AChainNeedsTwoBuffers) {
  std::vector<MemoryBlock> chain;
  for (int i = 0; i < 50; ++i) chain.push_back({1024, i, i + 1});
  EXPECT_EQ(plan_memory(chain).bytes, 2048);
}

TEST(MemoryPlan, RandomLivesNeverOverlapAndStayNearTheLowerBound) {
  Random random(7);
  for (int round = 0; round < 50; ++round) {
    std::vector<MemoryBlock> blocks;
    for (int i = 0; i < 60; ++i) {
      const auto first = static_cast<int>(random.integer(0, 40));
      blocks.push_back({random.integer(0, 5000), first, first + static_cast<int>(random.integer(0, 9))});
    }
    const MemoryPlan plan = plan_memory(blocks);
    std::int64_t needed = 0;
    for (int step = 0; step < 50; ++step) {
      std::int64_t alive = 0;
      for (const MemoryBlock& b : blocks) alive += b.first <= step && step <= b.last ? b.bytes : 0;
      needed = std::max(needed, alive);
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) {
      EXPECT_EQ(plan.offsets[i] % kArenaAlignment, 0);
      for (std::size_t j = 0; j < i; ++j) {
        const bool meet = blocks[i].first <= blocks[j].last && blocks[j].first <= blocks[i].last;
        const bool overlap =
            plan.offsets[i] < plan.offsets[j] + blocks[j].bytes && plan.offsets[j] < plan.offsets[i] + blocks[i].bytes;
        EXPECT_FALSE(meet && overlap) << i << " and " << j;
      }
    }
    EXPECT_LE(plan.bytes, needed * 3 / 2 + 4096);
  }
}

}  // namespace
}  // namespace octet::runtime
