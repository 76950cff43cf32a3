// One run of a kernel of ours on memory of its own, one thread.
#pragma once

#include <functional>

#include "octet/kernels/igemm/igemm.h"

namespace octet::bench {

/// int8: u8 x s8 with a scale per column -> u8; float: f32. Convolutions may be depthwise. `name`: the kernel's.
std::function<void()> our_conv(const kernels::ConvShape& shape, bool int8, const char** name);
std::function<void()> our_gemm(const kernels::GemmShape& shape, bool int8, const char** name);

}  // namespace octet::bench
