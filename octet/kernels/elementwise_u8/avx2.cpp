#include "octet/kernels/elementwise_u8/kernels.h"
#include "octet/kernels/elementwise_u8/loops.h"

namespace octet::kernels {

const ElementwiseU8Kernel elementwise_u8_avx2 = {
    .name = "elementwise_u8_avx2", .isa = Isa::avx2, .binary = binary_loop};

}  // namespace octet::kernels
