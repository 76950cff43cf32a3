#include "octet/kernels/fake_quant/kernels.h"
#include "octet/kernels/fake_quant/loops.h"

namespace octet::kernels {

const FakeQuantKernel fake_quant_avx512 = {.name = "fake_quant_avx512",
                                           .isa = Isa::avx512,
                                           .forward = forward_loop,
                                           .gradient = gradient_loop,
                                           .learned = learned_loop};

}  // namespace octet::kernels
