#include "octet/train/eight_bit_weights.h"

#include <algorithm>
#include <cmath>

namespace octet::train {
namespace {

constexpr float kLevels = 127, kHeadroom = 1.05F, kShrinkBelow = 0.5F;

}  // namespace

StoredWeight::StoredWeight(const Tensor& weight, std::int64_t block, const std::string& name) : block_(block) {
  if (block < 0) throw Error(ErrorKind::usage, "a block of stored weights is negative").value(std::to_string(block));
  if (weight.dtype() != DType::f32) {
    throw Error(ErrorKind::usage, "only float32 weights are stored in eight bits")
        .tensor(name)
        .value(to_string(weight.dtype()));
  }
  for (const float w : weight.values<float>()) {
    if (std::isfinite(w)) continue;
    throw Error(ErrorKind::bad_input, "a weight that is not finite cannot be stored in eight bits")
        .tensor(name)
        .value(std::to_string(w));
  }
  const std::int64_t count = weight.elements();
  group_ = block > 0 ? block : weight.rank() == 0 || weight.dim(0) == 0 ? count : count / weight.dim(0);
  group_ = std::max<std::int64_t>(1, group_);
  q_ = Tensor::zeros(DType::i8, weight.shape());
  scale_ = Tensor::zeros(DType::f32, {(count + group_ - 1) / group_});
  store(weight, nullptr);
}

void StoredWeight::decompress(Tensor& out) const {
  const std::int8_t* from = q_.data<std::int8_t>();
  const float* scale = scale_.data<float>();
  float* to = out.data<float>();
  for (std::int64_t g = 0; g < groups(); ++g) {
    const std::int64_t end = std::min(q_.elements(), (g + 1) * group_);
    for (std::int64_t i = g * group_; i < end; ++i) to[i] = static_cast<float>(from[i]) * scale[g];
  }
}

void StoredWeight::store(const Tensor& weight, const PositionedRandom* random) {
  const float* from = weight.data<float>();
  std::int8_t* to = q_.data<std::int8_t>();
  for (std::int64_t g = 0; g < groups(); ++g) {
    const std::int64_t begin = g * group_, end = std::min(q_.elements(), begin + group_);
    float largest = 0;
    for (std::int64_t i = begin; i < end; ++i) largest = std::max(largest, std::abs(from[i]));
    float& scale = scale_.data<float>()[g];
    const float holds = kLevels * scale;
    if (largest > holds || largest <= kShrinkBelow * holds) {
      scale = std::max(largest * kHeadroom / kLevels, 0x1p-100F);  // a group of zeros stays zeros
    }
    for (std::int64_t i = begin; i < end; ++i) {
      const float steps = from[i] / scale;
      const float q =
          random == nullptr ? std::nearbyint(steps) : std::floor(steps + (*random)(static_cast<std::uint64_t>(i)));
      to[i] = static_cast<std::int8_t>(std::clamp(q, -kLevels, kLevels));
    }
  }
}

}  // namespace octet::train
