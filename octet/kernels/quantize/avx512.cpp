#include "octet/kernels/quantize/kernels.h"
#include "octet/kernels/quantize/loops.h"

namespace octet::kernels {

const QuantizeKernel quantize_avx512 = {.name = "quantize_avx512",
                                        .isa = Isa::avx512,
                                        .quantize = quantize_loop,
                                        .dequantize = dequantize_loop,
                                        .range = range_loop};

}  // namespace octet::kernels
