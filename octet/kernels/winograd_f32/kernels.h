// The rows of the table.
#pragma once

#include "octet/kernels/winograd_f32/winograd_f32.h"

namespace octet::kernels {

extern const WinogradKernel winograd_avx512;
extern const WinogradKernel winograd_avx2;
extern const WinogradKernel winograd_reference;

}  // namespace octet::kernels
