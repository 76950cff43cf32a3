#include "octet/kernels/simd/avx2.h"

#include "octet/kernels/quantize/kernels.h"
#include "octet/kernels/quantize/vector.h"

namespace octet::kernels {

const QuantizeKernel quantize_avx2 = {.name = "quantize_avx2",
                                      .isa = Isa::avx2,
                                      .quantize = quantize_vector<Avx2>,
                                      .dequantize = dequantize_loop,
                                      .range = range_loop};

}  // namespace octet::kernels
