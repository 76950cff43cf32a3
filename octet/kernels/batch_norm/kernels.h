// The rows of the table.
#pragma once

#include "octet/kernels/batch_norm/batch_norm.h"

namespace octet::kernels {

extern const BatchNormKernel batch_norm_avx512;
extern const BatchNormKernel batch_norm_avx2;
extern const BatchNormKernel batch_norm_reference;

}  // namespace octet::kernels
