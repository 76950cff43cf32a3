// A weight stored in eight bits: int8 values and a float32 scale for each row or block.
//
//   StoredWeight w(tensor, {.block = 64});
//   w.decompress(scratch);  ...update scratch...  w.store(scratch, &stream);
#pragma once

#include <cstdint>
#include <span>

#include "octet/tensor/tensor.h"

namespace octet::train {

/// Random numbers by position: a function of seed, step and element, so that any split of the work and any resumption
/// draws the same ones. Uniform in [0, 1), 24 bits.  Source: splitmix64 (Steele et al. 2014) as a hash.
struct PositionedRandom {
  std::uint64_t seed = 0, step = 0;
  float operator()(std::uint64_t element) const {
    std::uint64_t x = seed * 0x9e3779b97f4a7c15ULL + step * 0xbf58476d1ce4e5b9ULL + element;
    for (const int shift : {30, 27})
      x = (x ^ (x >> shift)) * (shift == 30 ? 0xbf58476d1ce4e5b9ULL : 0x94d049bb133111ebULL);
    x ^= x >> 31;
    return static_cast<float>(x >> 40) * 0x1p-24F;
  }
};

class StoredWeight {
 public:
  /// block 0: a scale for each index of the first dimension; else for each `block` elements in row-major order.
  /// Throws bad_input for values that are not finite (naming `name`), usage for a negative block.
  StoredWeight(const Tensor& weight, std::int64_t block, const std::string& name);

  const Shape& shape() const { return q_.shape(); }
  std::int64_t block() const { return block_; }
  const Tensor& values() const { return q_; }      ///< i8
  const Tensor& scales() const { return scale_; }  ///< f32 [groups]
  std::int64_t bytes() const { return static_cast<std::int64_t>(q_.bytes() + scale_.bytes()); }

  /// out = q * scale, f32 of the weight's shape.
  void decompress(Tensor& out) const;
  /// From float32. A group keeps its scale while its largest magnitude stays within (0.5, 1] of what the scale can
  /// hold, so that what was not updated stays as it is; else the scale becomes 1.05 * largest / 127.
  /// Nearest rounding without `random`; with it q = floor(w / scale + u), whose mean is w / scale: updates smaller than
  /// a step are not lost. Values beyond +-127 steps cannot arise. Source: stochastic rounding, Gupta et al. 2015 (arXiv
  /// 1502.02551).
  void store(const Tensor& weight, const PositionedRandom* random);

 private:
  std::int64_t groups() const { return scale_.elements(); }

  std::int64_t block_ = 0, group_ = 1;
  Tensor q_, scale_;
};

}  // namespace octet::train
