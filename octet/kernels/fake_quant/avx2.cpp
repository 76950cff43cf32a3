#include "octet/kernels/fake_quant/kernels.h"
#include "octet/kernels/fake_quant/loops.h"

namespace octet::kernels {

const FakeQuantKernel fake_quant_avx2 = {.name = "fake_quant_avx2",
                                         .isa = Isa::avx2,
                                         .forward = forward_loop,
                                         .gradient = gradient_loop,
                                         .learned = learned_loop};

}  // namespace octet::kernels
