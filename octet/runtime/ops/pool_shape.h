// The form of a pool over a channels-last image.
#pragma once

#include "octet/kernels/pool/pool.h"
#include "octet/runtime/runtime_op.h"

namespace octet::runtime {

/// From the attributes of ONNX's pools, or with `global` 1 one window over all. x is [N, spatial..., C] of one or two
/// spatial dimensions (of any number where the window is global).
kernels::PoolShape pool_shape(const Node& node, const Shape& x);

}  // namespace octet::runtime
