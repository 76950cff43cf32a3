#include "octet/kernels/batch_norm/kernels.h"
#include "octet/kernels/batch_norm/loops.h"

namespace octet::kernels {

const BatchNormKernel batch_norm_reference = {.name = "batch_norm_reference",
                                              .isa = Isa::scalar,
                                              .moments = moments_loop,
                                              .scale_shift = scale_shift_loop,
                                              .sums = sums_loop,
                                              .apply = apply_loop};

}  // namespace octet::kernels
