// The rows of the table.
#pragma once

#include "octet/kernels/elementwise_u8/elementwise_u8.h"

namespace octet::kernels {

extern const ElementwiseU8Kernel elementwise_u8_avx2;
extern const ElementwiseU8Kernel elementwise_u8_reference;

}  // namespace octet::kernels
