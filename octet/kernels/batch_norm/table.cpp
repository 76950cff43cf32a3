#include <algorithm>
#include <array>

#include "octet/kernels/batch_norm/batch_norm.h"
#include "octet/kernels/batch_norm/kernels.h"

namespace octet::kernels {
namespace {

constexpr std::array kTable = {&batch_norm_avx512, &batch_norm_avx2, &batch_norm_reference};

std::int64_t pieces_of(std::int64_t rows) { return (rows + kPieceRows - 1) / kPieceRows; }

// Calls body(piece, first row, last row).
template <class Body>
void each_piece(std::int64_t rows, ThreadPool& pool, const Body& body) {
  pool.parallel_for(pieces_of(rows), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) body(p, p * kPieceRows, std::min(rows, (p + 1) * kPieceRows));
  });
}

}  // namespace

std::span<const BatchNormKernel* const> batch_norm_table() { return kTable; }

const BatchNormKernel& select_batch_norm() {
  for (const BatchNormKernel* kernel : kTable) {
    if (isa_allowed(kernel->isa)) return *kernel;
  }
  return batch_norm_reference;
}

std::int64_t batch_norm_scratch(std::int64_t rows, std::int64_t channels) { return pieces_of(rows) * 2 * channels; }

void batch_moments(const float* x, std::int64_t rows, std::int64_t channels, double* mean, double* variance,
                   float* scratch, ThreadPool& pool) {
  const BatchNormKernel& kernel = select_batch_norm();
  each_piece(rows, pool, [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
    float* to = scratch + piece * 2 * channels;
    kernel.moments(x + first * channels, last - first, channels, to, to + channels);
  });
  std::fill_n(mean, channels, 0.0);
  std::fill_n(variance, channels, 0.0);
  for (std::int64_t p = 0; p < pieces_of(rows); ++p) {
    const float* piece = scratch + p * 2 * channels;
    const auto before = static_cast<double>(p * kPieceRows);
    const auto count = static_cast<double>(std::min(rows, (p + 1) * kPieceRows)) - before;
    for (std::int64_t c = 0; c < channels; ++c) {
      const double d = static_cast<double>(piece[c]) - mean[c];
      mean[c] += d * count / (before + count);
      variance[c] += static_cast<double>(piece[channels + c]) + d * d * before * count / (before + count);
    }
  }
  for (std::int64_t c = 0; c < channels; ++c) variance[c] /= static_cast<double>(rows);
}

void scale_shift(const ScaleShift& s, ThreadPool& pool) {
  const BatchNormKernel& kernel = select_batch_norm();
  each_piece(s.rows, pool,
             [&](std::int64_t, std::int64_t first, std::int64_t last) { kernel.scale_shift(s, first, last); });
}

void norm_gradient_sums(const NormGradient& g, double* sum_dz, double* sum_dz_x, float* scratch, ThreadPool& pool) {
  const BatchNormKernel& kernel = select_batch_norm();
  each_piece(g.rows, pool, [&](std::int64_t piece, std::int64_t first, std::int64_t last) {
    float* to = scratch + piece * 2 * g.channels;
    kernel.sums(g, first, last, to, to + g.channels);
  });
  std::fill_n(sum_dz, g.channels, 0.0);
  std::fill_n(sum_dz_x, g.channels, 0.0);
  for (std::int64_t p = 0; p < pieces_of(g.rows); ++p) {
    const float* piece = scratch + p * 2 * g.channels;
    for (std::int64_t c = 0; c < g.channels; ++c) {
      sum_dz[c] += static_cast<double>(piece[c]);
      sum_dz_x[c] += static_cast<double>(piece[g.channels + c]);
    }
  }
}

void norm_gradient_apply(const NormGradient& g, const float* a, const float* b, const float* k, ThreadPool& pool) {
  const BatchNormKernel& kernel = select_batch_norm();
  each_piece(g.rows, pool,
             [&](std::int64_t, std::int64_t first, std::int64_t last) { kernel.apply(g, a, b, k, first, last); });
}

}  // namespace octet::kernels
