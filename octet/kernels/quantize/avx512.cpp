#include "octet/kernels/simd/avx512.h"

#include "octet/kernels/quantize/kernels.h"
#include "octet/kernels/quantize/vector.h"

namespace octet::kernels {

const QuantizeKernel quantize_avx512 = {.name = "quantize_avx512",
                                        .isa = Isa::avx512,
                                        .quantize = quantize_vector<Avx512>,
                                        .dequantize = dequantize_loop,
                                        .range = range_loop};

}  // namespace octet::kernels
