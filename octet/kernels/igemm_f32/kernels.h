// The rows of the table, one from each instruction set's file.
#pragma once

#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels {

extern const IgemmKernel igemm_f32_avx512[3];  // 12x32, 8x48, 24x16
extern const IgemmKernel igemm_f32_avx2;       // 6x16
extern const IgemmKernel igemm_f32_reference;  // 4x16

}  // namespace octet::kernels
