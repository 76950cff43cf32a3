// What a quantized number means: real = (q - zero_point) * scale.
#pragma once

#include <cstdint>
#include <vector>

#include "octet/tensor/dtype.h"

namespace octet {

struct QuantParams {
  DType dtype = DType::u8;               ///< u8 or i8 (i32 for a bias)
  std::vector<float> scale;              ///< one, or one a channel; finite, normal, > 0
  std::vector<std::int32_t> zero_point;  ///< as many as scales, in the range of dtype
  int axis = -1;                         ///< the channel axis; -1 when per tensor
  std::int32_t qmin = 0, qmax = 255;     ///< the levels in use (a reduced range is narrower than dtype)

  bool per_channel() const { return axis >= 0; }
};

}  // namespace octet
