#include "octet/kernels/pool/kernels.h"
#include "octet/kernels/pool/loops.h"

namespace octet::kernels {

const PoolKernel pool_avx2 = {.name = "pool_avx2",
                              .isa = Isa::avx2,
                              .max_u8 = max_u8_loop,
                              .max_f32 = max_f32_loop,
                              .average_u8 = average_u8_loop,
                              .average_f32 = average_f32_loop,
                              .max_grad_f32 = max_grad_f32_loop};

}  // namespace octet::kernels
