#include "octet/base/threads.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "octet/base/cpu.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace octet {
namespace {

constexpr std::size_t kLine = 64;  // of the caches
constexpr int kSpins = 4000;       // about 50 us: longer than the gap between two layers

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

// Rounding mode and treatment of subnormal numbers of the calling thread.
unsigned float_mode() {
#if defined(__x86_64__)
  return _mm_getcsr();
#else
  return 0;
#endif
}

void set_float_mode([[maybe_unused]] unsigned mode) {
#if defined(__x86_64__)
  _mm_setcsr(mode);
#endif
}

}  // namespace

namespace {

// What is left of one thread's part of a loop, in units: [begin, end) in the upper and the lower half of a word.
class alignas(kLine) Part {
 public:
  struct Units {
    std::uint32_t begin = 0, end = 0;
    std::uint32_t size() const { return end - begin; }
  };

  void set(Units units) { word_.store(join(units), std::memory_order_relaxed); }
  /// Half of what is left, at least a unit, from the front for its owner or from the back for another thread; no units
  /// once nothing is left.
  Units take(bool front) {
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    for (;;) {
      const Units left{static_cast<std::uint32_t>(word >> 32), static_cast<std::uint32_t>(word)};
      if (left.begin >= left.end) return {};
      const std::uint32_t size = std::max<std::uint32_t>(1, left.size() / 2);
      const std::uint32_t cut = front ? left.begin + size : left.end - size;
      const Units rest = front ? Units{cut, left.end} : Units{left.begin, cut};
      if (word_.compare_exchange_weak(word, join(rest), std::memory_order_relaxed))
        return front ? Units{left.begin, cut} : Units{cut, left.end};
    }
  }

 private:
  static std::uint64_t join(Units units) { return std::uint64_t{units.begin} << 32 | units.end; }
  std::atomic<std::uint64_t> word_{0};
};

}  // namespace

struct ThreadPool::State {
  // What spins is apart from what is written meanwhile.
  alignas(kLine) std::atomic<std::uint32_t> generation{0};
  alignas(kLine) std::atomic<int> pending{0};  // workers that have not finished this generation
  // One loop at a time: written by the caller before `generation` moves, read by the workers after.
  alignas(kLine) Call call = nullptr;
  const void* body = nullptr;
  std::int64_t count = 0, unit = 1;
  unsigned mode = 0;  // the caller's: every thread rounds as it does
  std::atomic<bool> stop{false};
  std::exception_ptr error;
  std::mutex error_mutex;
  std::mutex busy;  // held by the caller whose loop is running
  std::vector<Part> parts;
  std::vector<std::thread> workers;

  explicit State(int threads) : parts(static_cast<std::size_t>(threads)) {}

  // Every thread has the same part of every loop, so that what it wrote in one layer is in its cache in the next; who
  // is done helps the others. Pieces get smaller towards the end, so that no thread waits long for another.
  void divide(std::int64_t size, std::int64_t grain) {
    const auto threads = static_cast<std::int64_t>(parts.size());
    count = size;
    unit = std::max({std::int64_t{1}, grain, size / (8 * threads)});
    const std::int64_t units = (size + unit - 1) / unit;
    for (std::int64_t t = 0; t < threads; ++t) {
      parts[static_cast<std::size_t>(t)].set(
          {static_cast<std::uint32_t>(units * t / threads), static_cast<std::uint32_t>(units * (t + 1) / threads)});
    }
  }

  void work(std::size_t self) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      Part& part = parts[(self + i) % parts.size()];
      for (Part::Units units = part.take(i == 0); units.size() != 0; units = part.take(i == 0)) run(units);
    }
  }

  void run(Part::Units units) {
    try {
      call(body, units.begin * unit, std::min(count, units.end * unit));
    } catch (...) {
      const std::lock_guard lock(error_mutex);
      if (!error) error = std::current_exception();
      for (Part& part : parts) part.set({});
    }
  }

  void loop(std::size_t self) {
    std::uint32_t seen = 0;
    for (;;) {
      for (int i = 0; i < kSpins && generation.load(std::memory_order_acquire) == seen; ++i) pause();
      generation.wait(seen, std::memory_order_acquire);
      seen = generation.load(std::memory_order_acquire);
      if (stop.load(std::memory_order_relaxed)) return;
      set_float_mode(mode);
      work(self);
      if (pending.fetch_sub(1, std::memory_order_acq_rel) == 1) pending.notify_one();
    }
  }
};

ThreadPool::ThreadPool(int threads) {
  const int usable = usable_cpus(), count = std::max(1, threads <= 0 ? usable : std::min(threads, usable));
  state_ = std::make_unique<State>(count);
  for (int i = 1; i < count; ++i)
    state_->workers.emplace_back([s = state_.get(), i] { s->loop(static_cast<std::size_t>(i)); });
}

ThreadPool::~ThreadPool() {
  State& s = *state_;
  s.stop.store(true, std::memory_order_relaxed);
  s.generation.fetch_add(1, std::memory_order_release);
  s.generation.notify_all();
  for (std::thread& worker : s.workers) worker.join();
}

int ThreadPool::size() const { return static_cast<int>(state_->workers.size()) + 1; }

void ThreadPool::run(std::int64_t count, std::int64_t grain, Call call, const void* body) {
  if (count <= 0) return;
  State& s = *state_;
  const std::int64_t pieces = count / std::max<std::int64_t>(1, grain);
  // A body that starts a loop of its own finds `busy` taken and runs it alone. try_lock on a mutex
  // that this thread holds would be undefined, hence the thread-local mark.
  static thread_local bool inside = false;
  if (s.workers.empty() || pieces < 2 || inside || !s.busy.try_lock()) return call(body, 0, count);
  const std::lock_guard lock(s.busy, std::adopt_lock);
  s.call = call;
  s.body = body;
  s.mode = float_mode();
  s.divide(count, grain);
  s.error = nullptr;
  s.pending.store(static_cast<int>(s.workers.size()), std::memory_order_relaxed);
  s.generation.fetch_add(1, std::memory_order_release);
  s.generation.notify_all();
  inside = true;
  s.work(0);
  inside = false;
  for (int i = 0; i < kSpins && s.pending.load(std::memory_order_acquire) != 0; ++i) pause();
  for (int left; (left = s.pending.load(std::memory_order_acquire)) != 0;)
    s.pending.wait(left, std::memory_order_acquire);
  if (s.error) std::rethrow_exception(s.error);
}

}  // namespace octet
