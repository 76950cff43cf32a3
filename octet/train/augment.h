// Pictures changed a little at random, each time anew: the same sample in the same epoch under the same seed is always
// changed in the same way, whoever asks and in whatever order.
#pragma once

#include <cstdint>
#include <span>

#include "octet/tensor/tensor.h"

namespace octet::train {

struct Augment {
  bool flip = false;              ///< left and right exchanged, with probability 1/2
  std::int64_t crop_padding = 0;  ///< moved by -P to P in each direction; what comes in is zero
  bool channels_last = false;     ///< [N, H, W, C] in place of [N, C, H, W]
  bool any() const { return flip || crop_padding > 0; }
};

/// Numbers by counting: the k-th depends only on seed, epoch, sample and k.  Source: splitmix64 (Steele et al. 2014).
class CountedRandom {
 public:
  CountedRandom(std::uint64_t seed, std::int64_t epoch, std::int64_t sample);
  std::uint64_t next();
  /// Uniform in [0, count).
  std::int64_t below(std::int64_t count) {
    return static_cast<std::int64_t>((next() >> 33) % static_cast<std::uint64_t>(count));
  }

 private:
  std::uint64_t state_;
};

/// Changes a batch of float32 pictures in place; indices[i] is the sample that row i came from. Throws usage for a
/// tensor that is no batch of float32 pictures.
void augment(Tensor& pictures, std::span<const std::int64_t> indices, const Augment& form, std::uint64_t seed,
             std::int64_t epoch);

}  // namespace octet::train
