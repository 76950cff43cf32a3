#include <algorithm>
#include <array>

#include "octet/kernels/pool/kernels.h"
#include "octet/kernels/pool/pool.h"

namespace octet::kernels {
namespace {

constexpr std::array kTable = {&pool_avx2, &pool_reference};

template <class Row>
void each_row(const PoolShape& s, ThreadPool& pool, const Row& row) {
  const std::int64_t work = s.out_width * s.channels * s.kernel_height * s.kernel_width;
  pool.parallel_for(s.batch * s.out_height, std::max<std::int64_t>(1, 65536 / std::max<std::int64_t>(1, work)),
                    [&](std::int64_t begin, std::int64_t end) {
                      for (std::int64_t i = begin; i < end; ++i) row(i);
                    });
}

}  // namespace

std::span<const PoolKernel* const> pool_table() { return kTable; }

const PoolKernel& select_pool() {
  for (const PoolKernel* kernel : kTable) {
    if (isa_allowed(kernel->isa)) return *kernel;
  }
  return pool_reference;
}

void max_pool_u8(const PoolShape& shape, const std::uint8_t* in, std::uint8_t* out, ThreadPool& pool) {
  each_row(shape, pool, [&, &kernel = select_pool()](std::int64_t row) { kernel.max_u8(shape, in, out, row); });
}
void max_pool_f32(const PoolShape& shape, const float* in, float* out, ThreadPool& pool) {
  each_row(shape, pool, [&, &kernel = select_pool()](std::int64_t row) { kernel.max_f32(shape, in, out, row); });
}
void average_pool_u8(const PoolShape& shape, const AverageU8& params, const std::uint8_t* in, std::uint8_t* out,
                     ThreadPool& pool) {
  each_row(shape, pool,
           [&, &kernel = select_pool()](std::int64_t row) { kernel.average_u8(shape, params, in, out, row); });
}
void average_pool_f32(const PoolShape& shape, const float* in, float* out, ThreadPool& pool) {
  each_row(shape, pool, [&, &kernel = select_pool()](std::int64_t row) { kernel.average_f32(shape, in, out, row); });
}

}  // namespace octet::kernels
