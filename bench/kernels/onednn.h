// The same convolutions and products by oneDNN, with the layouts that it likes best.
#pragma once

#include <functional>
#include <string>

#include "octet/kernels/igemm/igemm.h"

namespace octet::bench {

/// One run of a primitive on memory of its own; `implementation` is its impl_info_str.
struct Peer {
  std::function<void()> run;
  std::string implementation;
};

/// int8: u8 x s8 with a scale per column -> u8; float: f32 with bias. Convolutions may be depthwise.
Peer onednn_conv(const kernels::ConvShape& shape, bool int8);
Peer onednn_gemm(const kernels::GemmShape& shape, bool int8);

}  // namespace octet::bench
