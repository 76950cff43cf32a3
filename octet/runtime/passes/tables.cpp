#include <algorithm>
#include <cmath>

#include "octet/runtime/passes/table.h"

namespace octet::runtime {

Tensor dequantized_levels(const TensorParams& params) {
  Tensor out(DType::f32, {256});
  for (int q = 0; q < 256; ++q) {
    out.data<float>()[q] = static_cast<float>(q - params.zero_point) * params.scale;
  }
  return out;
}

Tensor quantized_levels(const Tensor& real, const TensorParams& params) {
  Tensor out(DType::u8, {256});
  const auto zero = static_cast<float>(params.zero_point);
  for (int i = 0; i < 256; ++i) {
    const float v = std::nearbyint(real.data<float>()[i] / params.scale) + zero;
    out.data<std::uint8_t>()[i] = v >= 0 ? static_cast<std::uint8_t>(std::min(v, 255.0f)) : std::isnan(v) ? 255 : 0;
  }
  return out;
}

Tensor requantize_table(const TensorParams& from, const TensorParams& to) {
  return quantized_levels(dequantized_levels(from), to);
}

}  // namespace octet::runtime
