// The rows of the table, one from each instruction set's file.
#pragma once

#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels {

extern const IgemmKernel depthwise_u8s8_avx512_vnni[3];  // rows of 64 and 32 channels, 4 pixels x 32 channels
extern const IgemmKernel depthwise_u8s8_avx_vnni;        // rows of 32
extern const IgemmKernel depthwise_u8s8_avx512;          // 4x32
extern const IgemmKernel depthwise_u8s8_avx2[2];         // rows of 16, 4x16
extern const IgemmKernel depthwise_u8s8_reference;       // 1x16

}  // namespace octet::kernels
