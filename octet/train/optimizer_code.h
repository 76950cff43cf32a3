// The dynamic code of 8-bit optimizer states: 256 numbers in [-1, 1] (or [0, 1]) whose distance grows with their size.
// Behind a sign bit (signed form only), a run of E zeros and a 1 give the exponent 10^-E; the bits left divide
// (0.1, 1) evenly, each standing for the middle of its interval; 0 and 1 have codes of their own.
// Source: Dettmers et al. 2022, arXiv 2110.02861, section 1.3; Dettmers 2016, arXiv 1511.04561.
#pragma once

#include <array>
#include <cstdint>

namespace octet::train {

inline constexpr std::int64_t kStateBlock = 256;  ///< elements that share one scale

class DynamicCode {
 public:
  explicit DynamicCode(bool with_sign);
  float value(std::uint8_t code) const { return values_[code]; }
  /// The code whose value is nearest (the lower one of two equally near); x in [-1, 1].
  std::uint8_t nearest(float x) const;
  /// Ascending.
  const std::array<float, 256>& values() const { return values_; }

 private:
  static constexpr int kCells = 4096;

  std::array<float, 256> values_{};
  std::array<float, 255> middles_{};
  std::array<std::uint8_t, kCells + 1> first_{};  ///< for each cell of [low, 1] the code at its beginning
  float low_;
};

}  // namespace octet::train
