// A team of threads that share loops. Workers spin briefly after a loop, then sleep.
//
//   ThreadPool pool(2);
//   pool.parallel_for(rows, 16, [&](std::int64_t begin, std::int64_t end) { ... });
//
// A loop's result must not depend on how it is split: bodies write disjoint outputs and never
// split a sum. Then any number of threads gives the same bits.
#pragma once

#include <cstdint>
#include <memory>

namespace octet {

class ThreadPool {
 public:
  /// threads = 0: as many as this process may use (usable_cpus()).
  explicit ThreadPool(int threads = 0);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const;

  /// Calls body(begin, end) over [0, count) in pieces of at least `grain`, the caller taking part.
  /// Returns when all is done. If another thread is using the pool, or from inside a body, the
  /// caller runs the whole loop itself. The first exception that a body throws is rethrown here.
  template <class Body>
  void parallel_for(std::int64_t count, std::int64_t grain, const Body& body) {
    run(
        count, grain,
        [](const void* b, std::int64_t begin, std::int64_t end) { (*static_cast<const Body*>(b))(begin, end); }, &body);
  }

 private:
  using Call = void (*)(const void* body, std::int64_t begin, std::int64_t end);
  void run(std::int64_t count, std::int64_t grain, Call call, const void* body);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace octet
