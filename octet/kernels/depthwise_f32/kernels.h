// The rows of the table, one from each instruction set's file.
#pragma once

#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels {

extern const IgemmKernel depthwise_f32_avx512[3];  // rows of 32 channels, of 16, 4 pixels x 32 channels
extern const IgemmKernel depthwise_f32_avx2[2];    // rows of 16, 4x16
extern const IgemmKernel depthwise_f32_reference;  // 1x16

}  // namespace octet::kernels
