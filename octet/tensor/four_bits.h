// Tensors of four bits (DType u4 and i4) as bytes, and back: ONNX's layout, two numbers a byte, the first in the low
// bits; after an odd number of them the last four bits are 0.
//
//   Tensor bytes = unpack_four_bits(weights);    // i4 -> i8, u4 -> u8
//   Tensor again = pack_four_bits(bytes);        // i8 -> i4, u8 -> u4
#pragma once

#include "octet/tensor/tensor.h"

namespace octet {

/// One number a byte: i8 of an i4 tensor, u8 of a u4 tensor. Throws internal for others.
Tensor unpack_four_bits(const Tensor& packed);
/// i4 of an i8 tensor, u4 of a u8 tensor. Throws internal for others, and for a number that four bits do not hold.
Tensor pack_four_bits(const Tensor& bytes);

}  // namespace octet
