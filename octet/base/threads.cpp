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

struct ThreadPool::State {
  // What spins is apart from what is written meanwhile.
  alignas(kLine) std::atomic<std::uint32_t> generation{0};
  alignas(kLine) std::atomic<std::int64_t> next{0};  // first index not yet taken
  alignas(kLine) std::atomic<int> pending{0};        // workers that have not finished this generation
  // One loop at a time: written by the caller before `generation` moves, read by the workers after.
  alignas(kLine) Call call = nullptr;
  const void* body = nullptr;
  std::int64_t count = 0, least = 1, share = 1;
  unsigned mode = 0;  // the caller's: every thread rounds as it does
  std::atomic<bool> stop{false};
  std::exception_ptr error;
  std::mutex error_mutex;
  std::mutex busy;  // held by the caller whose loop is running
  std::vector<std::thread> workers;

  // Pieces get smaller towards the end, so that no thread waits long for another.
  std::int64_t piece_at(std::int64_t begin) const { return std::max(least, (count - begin) / share); }

  void work() {
    for (;;) {
      std::int64_t begin = next.load(std::memory_order_relaxed), size = 0;
      do {
        if (begin >= count) return;
        size = piece_at(begin);
      } while (!next.compare_exchange_weak(begin, begin + size, std::memory_order_relaxed));
      try {
        call(body, begin, std::min(count, begin + size));
      } catch (...) {
        const std::lock_guard lock(error_mutex);
        if (!error) error = std::current_exception();
        next.store(count, std::memory_order_relaxed);
      }
    }
  }

  void loop() {
    std::uint32_t seen = 0;
    for (;;) {
      for (int i = 0; i < kSpins && generation.load(std::memory_order_acquire) == seen; ++i) pause();
      generation.wait(seen, std::memory_order_acquire);
      seen = generation.load(std::memory_order_acquire);
      if (stop.load(std::memory_order_relaxed)) return;
      set_float_mode(mode);
      work();
      if (pending.fetch_sub(1, std::memory_order_acq_rel) == 1) pending.notify_one();
    }
  }
};

ThreadPool::ThreadPool(int threads) : state_(std::make_unique<State>()) {
  const int usable = usable_cpus();
  const int count = threads <= 0 ? usable : std::min(threads, usable);
  for (int i = 1; i < count; ++i) state_->workers.emplace_back([s = state_.get()] { s->loop(); });
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
  s.count = count;
  s.share = std::int64_t{2} * size();
  s.least = std::max<std::int64_t>(std::max<std::int64_t>(1, grain), count / (std::int64_t{8} * size()));
  s.error = nullptr;
  s.next.store(0, std::memory_order_relaxed);
  s.pending.store(static_cast<int>(s.workers.size()), std::memory_order_relaxed);
  s.generation.fetch_add(1, std::memory_order_release);
  s.generation.notify_all();
  inside = true;
  s.work();
  inside = false;
  for (int i = 0; i < kSpins && s.pending.load(std::memory_order_acquire) != 0; ++i) pause();
  for (int left; (left = s.pending.load(std::memory_order_acquire)) != 0;)
    s.pending.wait(left, std::memory_order_acquire);
  if (s.error) std::rethrow_exception(s.error);
}

}  // namespace octet
