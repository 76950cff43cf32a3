#include "octet/base/threads.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <atomic>
#include <cfenv>
#include <stdexcept>
#include <thread>
#include <vector>

#include "octet/base/cpu.h"

namespace octet {
namespace {

TEST(ThreadPool, VisitsEveryIndexOnce) {
  ThreadPool pool(2);
  for (const std::int64_t count : {0, 1, 2, 7, 1000, 100003}) {
    std::vector<std::atomic<int>> visits(static_cast<std::size_t>(count));
    pool.parallel_for(count, 3, [&](std::int64_t begin, std::int64_t end) {
      for (std::int64_t i = begin; i < end; ++i) ++visits[static_cast<std::size_t>(i)];
    });
    for (const auto& visited : visits) ASSERT_EQ(visited, 1);
  }
}

TEST(ThreadPool, LoopsWithinLoopsAndFromManyThreads) {
  ThreadPool pool(2);
  std::atomic<std::int64_t> sum{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 8; ++t) {
    callers.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        pool.parallel_for(10, 1, [&](std::int64_t begin, std::int64_t end) {
          pool.parallel_for(end - begin, 1, [&](std::int64_t b, std::int64_t e) { sum += e - b; });
        });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sum, 8 * 50 * 10);
}

TEST(ThreadPool, AnExceptionReachesTheCallerAndThePoolGoesOn) {
  ThreadPool pool(2);
  for (int round = 0; round < 20; ++round) {
    EXPECT_THROW(pool.parallel_for(100, 1,
                                   [](std::int64_t begin, std::int64_t) {
                                     if (begin > 10) throw std::runtime_error("x");
                                   }),
                 std::runtime_error);
  }
  std::atomic<std::int64_t> sum{0};
  pool.parallel_for(100, 1, [&](std::int64_t begin, std::int64_t end) { sum += end - begin; });
  EXPECT_EQ(sum, 100);
}

// A quotient that every rounding mode but one brings to another number than its opposite.
float quotient(float sign) {
  volatile float one = sign, three = 3;
  return one / three;
}

TEST(ThreadPool, WorkersRoundAsTheirCallerDoes) {
  ThreadPool pool(2);
  for (const int mode : {FE_UPWARD, FE_TONEAREST, FE_DOWNWARD, FE_TONEAREST}) {
    std::fesetround(mode);
    const float up = quotient(1), down = quotient(-1);
    std::atomic<int> other{0};
    pool.parallel_for(4096, 1, [&](std::int64_t begin, std::int64_t end) {
      for (; begin < end; ++begin) other += quotient(1) != up || quotient(-1) != down ? 1 : 0;
    });
    EXPECT_EQ(other, 0);
  }
}

// Affinity belongs to a thread: this one is confined to a single processor of those it had.
TEST(UsableCpus, RespectsAffinity) {
  cpu_set_t all;
  ASSERT_EQ(sched_getaffinity(0, sizeof all, &all), 0);
  EXPECT_LE(usable_cpus(), CPU_COUNT(&all));
  std::thread([&] {
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
      if (!CPU_ISSET(cpu, &all)) continue;
      CPU_SET(cpu, &one);
      break;
    }
    ASSERT_EQ(sched_setaffinity(0, sizeof one, &one), 0);
    EXPECT_EQ(usable_cpus(), 1);
    EXPECT_EQ(ThreadPool(0).size(), 1);
    EXPECT_EQ(ThreadPool(8).size(), 1) << "more threads than processors only wait for one another";
  }).join();
}

}  // namespace
}  // namespace octet
