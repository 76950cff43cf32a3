#include "octet/kernels/elementwise_u8/kernels.h"
#include "octet/kernels/elementwise_u8/loops.h"

namespace octet::kernels {

const ElementwiseU8Kernel elementwise_u8_reference = {
    .name = "elementwise_u8_reference", .isa = Isa::scalar, .binary = binary_loop};

}  // namespace octet::kernels
