#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>

#include "octet/kernels/quantize/kernels.h"
#include "octet/kernels/quantize/quantize.h"

namespace octet::kernels {
namespace {

constexpr std::array kTable = {&quantize_avx512, &quantize_avx2, &quantize_reference};
constexpr std::int64_t kGrain = 16384;  // elements that are worth another thread

// Of a row from low to high, 0 between them.
QuantizeParams row_params(float low, float high) {
  constexpr float kLeastNormal = 1.17549435e-38f;
  QuantizeParams params{.scale = (high - low) / 255.0f, .rounding = Rounding::multiply};
  // Of a subnormal range no step is left: it counts as zero.
  if (!(params.scale >= kLeastNormal)) params.scale = 0;
  if (params.scale == 0) return params;
  params.zero_point = static_cast<std::int32_t>(std::nearbyint(std::clamp(-low * (1.0f / params.scale), 0.0f, 255.0f)));
  return params;
}

void quantize_within(const QuantizeKernel& kernel, float low, float high, const float* x, std::int64_t k,
                     std::uint8_t* y, float& scale, std::int32_t& zero_point) {
  QuantizeParams params = row_params(low, high);
  scale = params.scale;
  zero_point = params.zero_point;
  if (params.scale == 0) params.scale = 3.4e38f;  // makes zeros of all that is finite
  kernel.quantize(params, x, k, y);
}

void quantize_by(const QuantizeKernel& kernel, const float* x, std::int64_t k, std::uint8_t* y, float& scale,
                 std::int32_t& zero_point) {
  float low = 0, high = 0;
  kernel.range(x, k, low, high);
  quantize_within(kernel, low, high, x, k, y, scale, zero_point);
}

}  // namespace

std::span<const QuantizeKernel* const> quantize_table() { return kTable; }

const QuantizeKernel& select_quantize() {
  static const QuantizeKernel& best = []() -> const QuantizeKernel& {
    for (const QuantizeKernel* kernel : kTable) {
      if (isa_allowed(kernel->isa)) return *kernel;
    }
    return quantize_reference;
  }();
  return best;
}

void quantize(const QuantizeParams& params, const float* x, std::int64_t count, void* y, ThreadPool& pool) {
  const QuantizeKernel& kernel = select_quantize();
  pool.parallel_for(count, kGrain, [&](std::int64_t begin, std::int64_t end) {
    kernel.quantize(params, x + begin, end - begin, static_cast<std::uint8_t*>(y) + begin);
  });
}

void dequantize(const QuantizeParams& params, const void* x, std::int64_t count, float* y, ThreadPool& pool) {
  const QuantizeKernel& kernel = select_quantize();
  pool.parallel_for(count, kGrain, [&](std::int64_t begin, std::int64_t end) {
    kernel.dequantize(params, static_cast<const std::uint8_t*>(x) + begin, end - begin, y + begin);
  });
}

void quantize_rows(const float* x, std::int64_t rows, std::int64_t k, std::int64_t stride, std::uint8_t* y,
                   float* scale, std::int32_t* zero_point, ThreadPool& pool) {
  const QuantizeKernel& kernel = select_quantize();
  pool.parallel_for(rows, std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(1, k)),
                    [&](std::int64_t begin, std::int64_t end) {
                      for (std::int64_t m = begin; m < end; ++m) {
                        quantize_by(kernel, x + m * stride, k, y + m * k, scale[m], zero_point[m]);
                      }
                    });
}

void quantize_row(const float* x, std::int64_t k, std::uint8_t* y, float& scale, std::int32_t& zero_point) {
  quantize_by(select_quantize(), x, k, y, scale, zero_point);
}

void quantize_row(float low, float high, const float* x, std::int64_t k, std::uint8_t* y, float& scale,
                  std::int32_t& zero_point) {
  quantize_within(select_quantize(), low, high, x, k, y, scale, zero_point);
}

QuantizeParams dynamic_params(const float* x, std::int64_t count, ThreadPool& pool) {
  const QuantizeKernel& kernel = select_quantize();
  float low = 0, high = 0;
  std::mutex mutex;
  pool.parallel_for(count, kGrain, [&](std::int64_t begin, std::int64_t end) {
    float part_low = 0, part_high = 0;
    kernel.range(x + begin, end - begin, part_low, part_high);
    const std::lock_guard lock(mutex);
    low = std::min(low, part_low);
    high = std::max(high, part_high);
  });
  QuantizeParams params;
  if (low == high) return params;
  params.scale = (high - low) / 255.0f;
  params.zero_point = static_cast<std::int32_t>(std::nearbyint(std::clamp(0.0f - low / params.scale, 0.0f, 255.0f)));
  return params;
}

}  // namespace octet::kernels
