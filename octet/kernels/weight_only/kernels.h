// The rows of the table.
#pragma once

#include "octet/kernels/weight_only/weight_only.h"

namespace octet::kernels {

extern const WeightOnlyKernel weight_only_avx512_vnni;
extern const WeightOnlyKernel weight_only_avx512;
extern const WeightOnlyKernel weight_only_avx_vnni;
extern const WeightOnlyKernel weight_only_avx2;
extern const WeightOnlyKernel weight_only_reference;

}  // namespace octet::kernels
