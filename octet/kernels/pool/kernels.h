// The rows of the table.
#pragma once

#include "octet/kernels/pool/pool.h"

namespace octet::kernels {

extern const PoolKernel pool_avx2;
extern const PoolKernel pool_reference;

}  // namespace octet::kernels
