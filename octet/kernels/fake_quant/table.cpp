#include <algorithm>
#include <array>
#include <limits>
#include <mutex>
#include <vector>

#include "octet/kernels/fake_quant/fake_quant.h"
#include "octet/kernels/fake_quant/kernels.h"
#include "octet/kernels/quantize/quantize.h"

namespace octet::kernels {
namespace {

constexpr std::array kTable = {&fake_quant_avx512, &fake_quant_avx2, &fake_quant_reference};
constexpr std::int64_t kGrain = 16384;  // elements that are worth another thread

}  // namespace

std::span<const FakeQuantKernel* const> fake_quant_table() { return kTable; }

const FakeQuantKernel& select_fake_quant() {
  for (const FakeQuantKernel* kernel : kTable) {
    if (isa_allowed(kernel->isa)) return *kernel;
  }
  return fake_quant_reference;
}

std::int64_t fake_quant(const FakeQuantParams& params, const float* x, std::int64_t count, float* y, ThreadPool& pool) {
  const FakeQuantKernel& kernel = select_fake_quant();
  std::int64_t clipped = 0;
  std::mutex mutex;
  pool.parallel_for(count, kGrain, [&](std::int64_t begin, std::int64_t end) {
    const std::int64_t part = kernel.forward(params, x + begin, end - begin, y + begin);
    const std::lock_guard lock(mutex);
    clipped += part;
  });
  return clipped;
}

void fake_quant_gradient(const FakeQuantParams& params, const float* x, const float* dy, std::int64_t count, float* dx,
                         ThreadPool& pool) {
  const FakeQuantKernel& kernel = select_fake_quant();
  pool.parallel_for(count, kGrain, [&](std::int64_t begin, std::int64_t end) {
    kernel.gradient(params, x + begin, dy + begin, end - begin, dx + begin);
  });
}

LearnedSums fake_quant_learned_gradient(const FakeQuantParams& params, const float* x, const float* dy,
                                        std::int64_t count, float* dx, ThreadPool& pool) {
  const FakeQuantKernel& kernel = select_fake_quant();
  const std::int64_t chunks = (count + kFakeQuantChunk - 1) / kFakeQuantChunk;
  std::vector<LearnedSums> parts(static_cast<std::size_t>(chunks));
  pool.parallel_for(chunks, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) {
      const std::int64_t at = c * kFakeQuantChunk, size = std::min(kFakeQuantChunk, count - at);
      parts[static_cast<std::size_t>(c)] = kernel.learned(params, x + at, dy + at, size, dx + at);
    }
  });
  LearnedSums sums;
  for (const LearnedSums& part : parts) {
    sums.scale += part.scale;
    sums.zero_point += part.zero_point;
  }
  return sums;
}

MinMax min_max(const float* x, std::int64_t count, ThreadPool& pool) {
  const QuantizeKernel& kernel = select_quantize();
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  MinMax all{kInfinity, -kInfinity};
  std::mutex mutex;
  pool.parallel_for(count, kGrain, [&](std::int64_t begin, std::int64_t end) {
    MinMax part{kInfinity, -kInfinity};
    kernel.range(x + begin, end - begin, part.min, part.max);
    const std::lock_guard lock(mutex);
    all = {std::min(all.min, part.min), std::max(all.max, part.max)};
  });
  return all;
}

}  // namespace octet::kernels
