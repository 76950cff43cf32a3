// The rows of the table.
#pragma once

#include "octet/kernels/fake_quant/fake_quant.h"

namespace octet::kernels {

extern const FakeQuantKernel fake_quant_avx2;
extern const FakeQuantKernel fake_quant_avx512;
extern const FakeQuantKernel fake_quant_reference;

}  // namespace octet::kernels
