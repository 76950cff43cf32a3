// The matrix product behind the references of MatMul, Gemm, Conv and their integer kin:
//   c[b][m, n] = sum over k of a[b][m, k] * columns[b][k, n]
// Columns come in panels of 8 that a packer gathers, so a transposed matrix and the patches of a
// convolution cost the same code. Each sum runs over k in order, in one accumulator: any number of
// threads gives the same bits.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "octet/base/threads.h"

namespace octet::ops {

inline constexpr std::int64_t kPanel = 8;  ///< columns of a panel

/// c[m, j] = sum over k of a[m, k] * panel[k, j], j < width; c has `ldc` elements a row, a and panel are dense.
/// For float, double, uint32_t and uint64_t; unsigned sums wrap, which is exact for signed data that fits.
template <class T>
void multiply_panel(const T* a, const T* panel, std::int64_t m, std::int64_t k, T* c, std::int64_t ldc,
                    std::int64_t width);

struct Product {
  std::int64_t batch = 1, m = 0, n = 0, k = 0;
};

/// Runs a batch of products.
///   rows(b)        -> const T* of a[b], dense [m, k]
///   make_packer()  -> an object with  columns(n0, width)  called once for each panel and  pack(b, T* panel)
///                     that fills [k, 8] for the panel last named (columns past width may hold anything)
///   out(b)         -> T* of c[b], dense [m, n]
template <class T, class Rows, class MakePacker, class Out>
void multiply(ThreadPool& threads, const Product& p, const Rows& rows, const MakePacker& make_packer, const Out& out) {
  if (p.batch == 0 || p.m == 0 || p.n == 0) return;
  constexpr std::int64_t kRows = 128;
  const std::int64_t panels = (p.n + kPanel - 1) / kPanel, blocks = (p.m + kRows - 1) / kRows;
  const std::int64_t work = std::min(p.m, kRows) * kPanel * std::max<std::int64_t>(1, p.k);
  const std::int64_t grain = std::max<std::int64_t>(1, (std::int64_t{1} << 17) / work);
  threads.parallel_for(panels * p.batch * blocks, grain, [&](std::int64_t begin, std::int64_t end) {
    auto packer = make_packer();
    std::vector<T> panel(static_cast<std::size_t>(p.k * kPanel));
    std::int64_t held_panel = -1, held = -1;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t block = i % blocks, b = i / blocks % p.batch, at = i / blocks / p.batch;
      const std::int64_t n0 = at * kPanel, width = std::min(kPanel, p.n - n0);
      if (at != held_panel) packer.columns(n0, width);
      if (i / blocks != held) packer.pack(b, panel.data());
      held_panel = at;
      held = i / blocks;
      const std::int64_t m0 = block * kRows;
      multiply_panel(rows(b) + m0 * p.k, panel.data(), std::min(kRows, p.m - m0), p.k, out(b) + m0 * p.n + n0, p.n,
                     width);
    }
  });
}

/// Packs the columns of matrices in memory: element (k, n) of matrix b at matrix(b)[k * row + n * column].
template <class T, class Matrix>
struct MatrixPacker {
  const Matrix& matrix;
  std::int64_t k, row, column;
  std::int64_t n0 = 0, width = 0;

  void columns(std::int64_t from, std::int64_t count) {
    n0 = from;
    width = count;
  }
  void pack(std::int64_t b, T* panel) const {
    const T* from = matrix(b) + n0 * column;
    for (std::int64_t i = 0; i < k; ++i) {
      for (std::int64_t j = 0; j < width; ++j) panel[i * kPanel + j] = from[i * row + j * column];
    }
  }
};

/// c[b] = a[b] * B[b] with B[b](k, n) at matrix(b)[k * row + n * column].
template <class T, class Rows, class Matrix, class Out>
void multiply_matrices(ThreadPool& threads, const Product& p, const Rows& rows, const Matrix& matrix, std::int64_t row,
                       std::int64_t column, const Out& out) {
  multiply<T>(threads, p, rows, [&] { return MatrixPacker<T, Matrix>{matrix, p.k, row, column}; }, out);
}

}  // namespace octet::ops
