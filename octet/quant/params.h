// From a range of real numbers to scale and zero point, in the two numerics that users compare with.
//
//   Scheme scheme = activation_scheme(DType::u8, /*symmetric=*/false, /*reduce_range=*/false, Numerics::onnx);
//   Affine p = choose_affine({-1.0F, 3.0F}, scheme);      // p.scale, p.zero_point
#pragma once

#include <cstdint>

#include "octet/quant/quantize.h"

namespace octet::quant {

/// Smallest and largest real number to be represented; min > max: nothing was observed.
struct Range {
  float min = 0, max = 0;
};

/// Which integers are used and how a range becomes parameters.
struct Scheme {
  DType dtype = DType::u8;
  std::int32_t qmin = 0, qmax = 255;
  bool symmetric = false;
  Numerics numerics = Numerics::onnx;
};

/// u8 0..255 or i8 -128..127 (symmetric i8 in onnx numerics: -127..127); reduced: u8 0..127,
/// i8 -64..63 (torch) or -64..64 (onnx).
Scheme activation_scheme(DType dtype, bool symmetric, bool reduce_range, Numerics numerics);
/// Symmetric i8: -127..127 (onnx) or -128..127 (torch); reduced as for activations.
Scheme weight_scheme(bool reduce_range, Numerics numerics);

struct Affine {
  float scale = 1;
  std::int32_t zero_point = 0;
};

/// The range is first widened to hold 0. Always finite, normal, scale > 0.
/// onnx:  scale = (max - min) / (qmax - qmin) in float64, then float32; symmetric: 2 * absmax / (qmax - qmin);
///        zero_point = rint(qmin - min / scale), symmetric: rint((qmin + qmax) / 2); a scale below the
///        smallest normal float gives scale 1, zero point 0.
/// torch: float32; scale = max((max - min) / (qmax - qmin), eps), symmetric: absmax / ((qmax - qmin) / 2);
///        zero_point = clamp(qmin - rint(min / scale)), symmetric: 0 for i8, 128 for u8 (the middle of a
///        reduced range); eps = 2^-23.
/// Source: compute_scale_zp of ONNX Runtime's quantization tool; UniformQuantizationObserverBase of torch.ao.
Affine choose_affine(Range range, const Scheme& scheme);

/// onnx: rint(x / scale) + zero_point; torch: nearbyint(x * (1 / scale)) + zero_point; clamped to the scheme.
std::int32_t quantize_one(float x, Affine affine, const Scheme& scheme);
float dequantize_one(std::int32_t q, Affine affine);

}  // namespace octet::quant
