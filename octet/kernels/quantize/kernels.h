// The rows of the table.
#pragma once

#include "octet/kernels/quantize/quantize.h"

namespace octet::kernels {

extern const QuantizeKernel quantize_avx512;
extern const QuantizeKernel quantize_avx2;
extern const QuantizeKernel quantize_reference;

}  // namespace octet::kernels
