// Memory of their own for the bodies of a parallel loop: each holds a number below the count of threads meanwhile.
//
//   std::atomic<std::uint64_t> taken{0};
//   threads.parallel_for(parts, 1, [&](std::int64_t begin, std::int64_t end) {
//     const Slot slot(taken);
//     char* own = scratch + slot.number() * bytes;
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>

namespace octet::runtime {

class Slot {
 public:
  static constexpr int kMost = 64;

  explicit Slot(std::atomic<std::uint64_t>& taken) : taken_(taken) {
    std::uint64_t held = taken_.load();
    do {
      number_ = std::countr_one(held);
    } while (!taken_.compare_exchange_weak(held, held | std::uint64_t{1} << number_));
  }
  ~Slot() { taken_.fetch_and(~(std::uint64_t{1} << number_)); }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  int number() const { return number_; }

 private:
  std::atomic<std::uint64_t>& taken_;
  int number_ = 0;
};

}  // namespace octet::runtime
