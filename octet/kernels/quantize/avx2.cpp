#include "octet/kernels/quantize/kernels.h"
#include "octet/kernels/quantize/loops.h"

namespace octet::kernels {

const QuantizeKernel quantize_avx2 = {.name = "quantize_avx2",
                                      .isa = Isa::avx2,
                                      .quantize = quantize_loop,
                                      .dequantize = dequantize_loop,
                                      .range = range_loop};

}  // namespace octet::kernels
