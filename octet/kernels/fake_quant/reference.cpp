#include "octet/kernels/fake_quant/kernels.h"
#include "octet/kernels/fake_quant/loops.h"

namespace octet::kernels {

const FakeQuantKernel fake_quant_reference = {.name = "fake_quant_reference",
                                              .isa = Isa::scalar,
                                              .forward = forward_loop,
                                              .gradient = gradient_loop,
                                              .learned = learned_loop};

}  // namespace octet::kernels
