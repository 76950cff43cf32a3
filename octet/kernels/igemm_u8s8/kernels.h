// The rows of the table, one or two from each instruction set's file.
#pragma once

#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels {

extern const IgemmKernel igemm_u8s8_avx512_vnni[4];  // 12x32, 6x64, 8x48, 24x16
extern const IgemmKernel igemm_u8s8_avx512[4];       // the same
extern const IgemmKernel igemm_u8s8_avx_vnni;        // 6x16
extern const IgemmKernel igemm_u8s8_avx2;            // 6x16
extern const IgemmKernel igemm_u8s8_avx2_narrow;     // 4x16, for weights that fit 16 bits (igemm/narrow_kernel.h)
extern const IgemmKernel igemm_u8s8_reference;       // 4x16
extern const IgemmKernel igemm_u8s8_reference_wide;  // 4x16, sums of 64 bits

}  // namespace octet::kernels
