#include <algorithm>
#include <array>
#include <cmath>

#include "octet/kernels/elementwise_u8/elementwise_u8.h"
#include "octet/kernels/elementwise_u8/kernels.h"

namespace octet::kernels {
namespace {

constexpr std::array kTable = {&elementwise_u8_avx2, &elementwise_u8_reference};
constexpr std::int64_t kGrain = 32768;  // bytes that are worth another thread

std::int64_t row_grain(std::int64_t columns) {
  return std::max<std::int64_t>(1, kGrain / std::max<std::int64_t>(1, columns));
}

// One long row of dense operands becomes many, so that threads can share it.
BinaryU8 cut(BinaryU8 w) {
  constexpr std::int64_t kPiece = 8192;
  if (w.rows != 1 || w.columns < 2 * kPiece || w.columns % kPiece != 0) return w;
  w.rows = w.columns / kPiece;
  w.columns = w.out_stride = kPiece;
  w.a.row_stride = w.a.column_stride * kPiece;
  w.b.row_stride = w.b.column_stride * kPiece;
  return w;
}

}  // namespace

std::span<const ElementwiseU8Kernel* const> elementwise_u8_table() { return kTable; }

const ElementwiseU8Kernel& select_elementwise_u8() {
  for (const ElementwiseU8Kernel* kernel : kTable) {
    if (isa_allowed(kernel->isa)) return *kernel;
  }
  return elementwise_u8_reference;
}

void binary_u8(const BinaryU8& whole, ThreadPool& pool) {
  const ElementwiseU8Kernel& kernel = select_elementwise_u8();
  const BinaryU8 work = cut(whole);
  pool.parallel_for(work.rows, row_grain(work.columns), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) kernel.binary(work, row);
  });
}

void lookup_u8(const Table256& table, const void* in, std::int64_t count, void* out, ThreadPool& pool) {
  const auto* from = static_cast<const std::uint8_t*>(in);
  auto* to = static_cast<std::uint8_t*>(out);
  pool.parallel_for(count, kGrain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) to[i] = table[from[i]];
  });
}

void lookup_rows_u8(const Table256& table, const void* in, std::int64_t in_stride, std::int64_t rows,
                    std::int64_t columns, void* out, std::int64_t out_stride, ThreadPool& pool) {
  pool.parallel_for(rows, row_grain(columns), [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const std::uint8_t* from = static_cast<const std::uint8_t*>(in) + row * in_stride;
      std::uint8_t* to = static_cast<std::uint8_t*>(out) + row * out_stride;
      for (std::int64_t i = 0; i < columns; ++i) to[i] = table[from[i]];
    }
  });
}

Table256 byte_table(const ByteParams& from, const ByteParams& to, float (*f)(float)) {
  Table256 table;
  const float inv_scale = 1.0f / to.scale;
  const std::int32_t first = to.is_signed ? -128 : 0;
  const auto low = static_cast<float>(first - to.zero_point), high = static_cast<float>(first + 255 - to.zero_point);
  for (std::size_t byte = 0; byte < table.size(); ++byte) {
    const std::int32_t q =
        from.is_signed ? std::int32_t{static_cast<std::int8_t>(byte)} : static_cast<std::int32_t>(byte);
    float v = static_cast<float>(q - from.zero_point) * from.scale;
    if (f != nullptr) v = f(v);
    v = v * inv_scale;
    v = v < high ? v : high;
    v = v > low ? v : low;
    table[byte] = static_cast<std::uint8_t>(static_cast<std::int32_t>(std::nearbyint(v)) + to.zero_point);
  }
  return table;
}

}  // namespace octet::kernels
