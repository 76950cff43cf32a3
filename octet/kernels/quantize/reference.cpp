#include "octet/kernels/quantize/kernels.h"
#include "octet/kernels/quantize/loops.h"

namespace octet::kernels {

const QuantizeKernel quantize_reference = {.name = "quantize_reference",
                                           .isa = Isa::scalar,
                                           .quantize = quantize_loop,
                                           .dequantize = dequantize_loop,
                                           .range = range_loop};

}  // namespace octet::kernels
