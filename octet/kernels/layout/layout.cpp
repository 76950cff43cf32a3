#include "octet/kernels/layout/layout.h"

#include <algorithm>
#include <type_traits>

#include "octet/base/cpu.h"
#include "octet/kernels/layout/kernels.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kBlock = 32;  // a block of either side stays in L1 whatever the strides

template <class Element>
void transpose_block(const Element* in, std::int64_t in_stride, Element* out, std::int64_t out_stride,
                     std::int64_t rows, std::int64_t columns) noexcept {
  for (std::int64_t c = 0; c < columns; ++c) {
    for (std::int64_t r = 0; r < rows; ++r) out[c * out_stride + r] = in[r * in_stride + c];
  }
}

// A few rows (the channels of a picture) are interleaved in one pass.
template <class Element, int kRows>
void interleave(const TransposeShape& s, const Element* in, Element* out, ThreadPool& pool) {
  const std::int64_t columns = s.columns;
  for (std::int64_t b = 0; b < s.batch; ++b, in += kRows * columns, out += kRows * columns) {
    pool.parallel_for(columns, 8192, [&](std::int64_t begin, std::int64_t end) {
      if constexpr (std::is_same_v<Element, std::uint8_t> && kRows == 3)
        return interleave_three(in + begin, columns, end - begin, out + begin * kRows);
      for (std::int64_t c = begin; c < end; ++c) {
        for (int r = 0; r < kRows; ++r) out[c * kRows + r] = in[r * columns + c];
      }
    });
  }
}

template <class Element>
void transpose(const TransposeShape& s, const Element* in, Element* out, ThreadPool& pool) {
  if (s.rows == 2) return interleave<Element, 2>(s, in, out, pool);
  if (s.rows == 3) return interleave<Element, 3>(s, in, out, pool);
  if (s.rows == 4) return interleave<Element, 4>(s, in, out, pool);
  const std::int64_t bands = (s.columns + kBlock - 1) / kBlock;
  const std::int64_t grain = std::max<std::int64_t>(1, 16384 / std::max<std::int64_t>(1, s.rows * kBlock));
  pool.parallel_for(s.batch * bands, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t matrix = i / bands * s.rows * s.columns, c = i % bands * kBlock;
      const std::int64_t columns = std::min(kBlock, s.columns - c);
      for (std::int64_t r = 0; r < s.rows; r += kBlock) {
        transpose_block(in + matrix + r * s.columns + c, s.columns, out + matrix + c * s.rows + r, s.rows,
                        std::min(kBlock, s.rows - r), columns);
      }
    }
  });
}

}  // namespace

void interleave_three(const std::uint8_t* in, std::int64_t stride, std::int64_t count, std::uint8_t* out) noexcept {
  std::int64_t i = isa_allowed(Isa::avx2) ? interleave_three_avx2(in, stride, count, out) : 0;
  for (; i < count; ++i) {
    for (int r = 0; r < 3; ++r) out[i * 3 + r] = in[r * stride + i];
  }
}

void transpose_bytes(const TransposeShape& shape, const void* in, void* out, ThreadPool& pool) {
  transpose(shape, static_cast<const std::uint8_t*>(in), static_cast<std::uint8_t*>(out), pool);
}

void transpose_words(const TransposeShape& shape, const void* in, void* out, ThreadPool& pool) {
  transpose(shape, static_cast<const std::uint32_t*>(in), static_cast<std::uint32_t*>(out), pool);
}

}  // namespace octet::kernels
