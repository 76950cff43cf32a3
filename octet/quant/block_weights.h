// Weights of matrix products in four bits, one scale for each block of neighbours along K and column.
#pragma once

#include <string>

#include "octet/tensor/tensor.h"

namespace octet::quant {

struct BlockWeights {
  Tensor values;                 ///< i4, of the weight's shape
  Tensor scale;                  ///< f32, of its shape with ceil(K / block) along K
  std::int64_t zero_blocks = 0;  ///< all zero: scale 1
};

/// q = clamp(rint(w / scale), -8, 7), w' = q * scale, for a float weight of two dimensions whose dimension `k_axis` is
/// K. A block's scale is the one that leaves the least squared error: of its largest magnitude over 7, 0.62 to 1.06
/// times that in steps of 0.02, and over 8 where the number of that magnitude is negative. Large integers lie in a file
/// in the folder `scratch`, if one is given.
BlockWeights quantize_blocks(const Tensor& weight, int k_axis, std::int64_t block, const std::string& scratch = {});

}  // namespace octet::quant
