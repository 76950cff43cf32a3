#include "octet/train/optimizer_code.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace octet::train {

DynamicCode::DynamicCode(bool with_sign) : low_(with_sign ? -1.0f : 0.0f) {
  constexpr int kExponents = 7;
  std::vector<float> values{0.0f, 1.0f};
  for (int e = 0; e < kExponents; ++e) {
    const int steps = with_sign ? 1 << e : 2 << e;
    const double scale = std::pow(10.0, e - (kExponents - 1)), width = 0.9 / steps;
    for (int i = 0; i < steps; ++i) {
      const auto x = static_cast<float>(scale * (0.1 + width * (i + 0.5)));
      values.push_back(x);
      if (with_sign) values.push_back(-x);
    }
  }
  std::sort(values.begin(), values.end());
  std::copy(values.begin(), values.end(), values_.begin());
  for (std::size_t i = 0; i < middles_.size(); ++i) middles_[i] = (values_[i] + values_[i + 1]) / 2;
  for (int cell = 0; cell <= kCells; ++cell) {
    const float begin = low_ + (1 - low_) * static_cast<float>(cell) / kCells;
    const auto at = std::lower_bound(middles_.begin(), middles_.end(), begin) - middles_.begin();
    first_[static_cast<std::size_t>(cell)] = static_cast<std::uint8_t>(at);
  }
}

std::uint8_t DynamicCode::nearest(float x) const {
  // A cell is narrow: few codes begin in it, except around zero, where a binary search is as quick.
  const float position = (x - low_) / (1 - low_) * kCells;
  const auto cell = static_cast<std::size_t>(std::clamp(position, 0.0f, static_cast<float>(kCells - 1)));
  // The neighbours guard against the rounding of `position`.
  const std::size_t begin = first_[cell == 0 ? 0 : cell - 1], end = first_[std::min<std::size_t>(cell + 2, kCells)];
  const auto at = std::lower_bound(middles_.begin() + static_cast<std::ptrdiff_t>(begin),
                                   middles_.begin() + static_cast<std::ptrdiff_t>(end), x);
  return static_cast<std::uint8_t>(at - middles_.begin());
}

}  // namespace octet::train
