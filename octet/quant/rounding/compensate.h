// Rounding weights so that the errors of one output channel cancel on typical inputs.
//
//   SecondMoments moments(k);
//   moments.add(...);
//   round_compensated(moments, weights, rows, inverse_scales, limit, out);
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "octet/base/threads.h"

namespace octet::quant {

/// Sums of x x^T over inputs x of k numbers, cut into blocks along the diagonal so that memory and time stay
/// bounded: what lies between two blocks is taken as zero.
class SecondMoments {
 public:
  explicit SecondMoments(std::int64_t k);

  struct Block {
    std::int64_t begin = 0, size = 0;
    std::vector<float> sum;  ///< [size][size]
  };
  /// Adds the inputs x [k][count]: number i of every input lies side by side.
  void add(const float* x, std::int64_t count, ThreadPool& threads);
  std::int64_t k() const { return k_; }
  std::int64_t count() const { return count_; }
  const std::vector<Block>& blocks() const { return blocks_; }

 private:
  std::int64_t k_, count_ = 0;
  std::vector<Block> blocks_;
};

/// Chooses integers q[r][i] in [-limit, limit] near w[r][i] / scale[r] that make
///   sum over inputs x of (sum over i of (w[r][i] - scale[r] * q[r][i]) * x[i])^2
/// small: element by element, those that matter most first, each rounded to nearest after the error that the
/// others have made so far was added to it, weighted by how their inputs go together. With no inputs seen it is
/// rounding to nearest (ties to even).
///   w        f32 [rows][k]
///   scales   f32 [rows], > 0
///   out      i8 [rows][k]
/// Source: Frantar et al. 2022, arXiv 2210.17323 (GPTQ), as Babai's nearest plane on the Cholesky factor of the
/// moments, each diagonal raised by 1 % of their mean.
void round_compensated(const SecondMoments& moments, const float* w, std::span<const float> scales, std::int64_t limit,
                       std::int8_t* out, ThreadPool& threads);

}  // namespace octet::quant
