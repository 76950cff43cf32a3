#include "octet/quant/block_weights.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "octet/base/mapped_file.h"

namespace octet::quant {
namespace {

float rounded(float x, float inverse) { return std::clamp(std::nearbyint(x * inverse), -8.0f, 7.0f); }

float squared_error(const std::vector<float>& x, float scale) {
  const float inverse = 1 / scale;
  float sum = 0;
  for (const float v : x) {
    const float gap = v - rounded(v, inverse) * scale;
    sum += gap * gap;
  }
  return sum;
}

// Where no scale is a normal number the block counts as zeros: 0.
float best_scale(const std::vector<float>& x) {
  constexpr int kSteps = 23;
  float most = 0, negative = 0;
  for (const float v : x) {
    most = std::max(most, std::abs(v));
    negative = std::max(negative, -v);
  }
  const auto usable = [](float scale) {
    return scale >= std::numeric_limits<float>::min() && std::isfinite(1 / scale);
  };
  float best = 0, least = std::numeric_limits<float>::infinity();
  const auto attempt = [&](float scale) {
    if (!usable(scale)) return;
    const float error = squared_error(x, scale);
    if (best != 0 && !(error < least)) return;
    best = scale;
    least = error;
  };
  attempt(most / 7);
  if (negative == most) attempt(most / 8);
  for (int i = 0; i < kSteps; ++i) attempt(most / 7 * (1.06f - 0.02f * static_cast<float>(i)));
  return best;
}

Tensor integers_of(const Shape& shape, const std::string& scratch) {
  constexpr std::int64_t kLarge = std::int64_t{1} << 21;
  if (scratch.empty() || shape.elements() < kLarge) return Tensor::zeros(DType::i4, shape);
  const auto memory = scratch_memory(scratch, static_cast<std::size_t>(bytes_of(DType::i4, shape.elements())));
  Tensor out(DType::i4, shape, memory.get(), memory);
  std::memset(out.raw(), 0, out.bytes());
  return out;
}

}  // namespace

BlockWeights quantize_blocks(const Tensor& weight, int k_axis, std::int64_t block, const std::string& scratch) {
  const Tensor values = weight.cast(DType::f32);
  const std::int64_t k = values.dim(k_axis), n = values.dim(1 - k_axis), blocks = (k + block - 1) / block;
  const std::int64_t k_stride = k_axis == 0 ? n : 1, n_stride = k_axis == 0 ? 1 : k;
  BlockWeights out;
  out.values = integers_of(values.shape(), scratch);
  out.scale = Tensor(DType::f32, k_axis == 0 ? Shape{blocks, n} : Shape{n, blocks});
  auto* to = static_cast<std::uint8_t*>(out.values.raw());
  std::vector<float> x;
  for (std::int64_t b = 0; b < blocks; ++b) {
    for (std::int64_t c = 0; c < n; ++c) {
      const std::int64_t from = b * block, end = std::min(k, from + block);
      x.clear();
      for (std::int64_t i = from; i < end; ++i) x.push_back(values.data<float>()[i * k_stride + c * n_stride]);
      const float scale = best_scale(x);
      out.zero_blocks += scale == 0;
      out.scale.data<float>()[k_axis == 0 ? b * n + c : c * blocks + b] = scale == 0 ? 1 : scale;
      if (scale == 0) continue;
      for (std::int64_t i = from; i < end; ++i) {
        const std::int64_t at = i * k_stride + c * n_stride;
        const int q = static_cast<int>(rounded(x[static_cast<std::size_t>(i - from)], 1 / scale)) & 15;
        to[at / 2] = static_cast<std::uint8_t>(to[at / 2] | q << (at % 2 * 4));
      }
    }
  }
  return out;
}

}  // namespace octet::quant
