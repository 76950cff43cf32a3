// The rows of the table.
#pragma once

#include "octet/kernels/weight_grad_f32/weight_grad_f32.h"

namespace octet::kernels {

extern const WeightGradKernel weight_grad_avx512;
extern const WeightGradKernel weight_grad_avx2;
extern const WeightGradKernel weight_grad_reference;

}  // namespace octet::kernels
