// Activations quantized as they come.
#pragma once

#include <cmath>

#include "octet/base/error.h"
#include "octet/kernels/quantize/quantize.h"

namespace octet::runtime {

/// Quantizes a whole tensor as ONNX's DynamicQuantizeLinear does and returns its parameters. Throws bad_input
/// where its range has no scale: infinity in it, or all of it subnormal.
inline kernels::QuantizeParams quantize_tensor(const float* x, std::int64_t count, std::uint8_t* q,
                                               ThreadPool& threads) {
  const kernels::QuantizeParams params = kernels::dynamic_params(x, count, threads);
  if (!std::isfinite(params.scale) || params.scale <= 0) {
    throw Error(ErrorKind::bad_input, "the range of a tensor is too wide or too narrow to quantize");
  }
  kernels::quantize(params, x, count, q, threads);
  return params;
}

}  // namespace octet::runtime
