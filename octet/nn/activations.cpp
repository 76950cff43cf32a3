#include "octet/nn/activations.h"

#include <algorithm>

namespace octet::nn {

PReLU::PReLU(std::int64_t channels, float initial, int input_rank)
    : weight(DType::f32, {channels}), input_rank_(input_rank) {
  std::fill_n(weight.data<float>(), channels, initial);
  add_parameter("weight", weight);
}

Value PReLU::forward(const Value& x) {
  Value slope = x.builder->parameter(weight);
  if (weight.dim(0) > 1 && input_rank_ > 2) {  // the slope broadcasts from the right
    std::vector<std::int64_t> shape(static_cast<std::size_t>(input_rank_ - 1), 1);
    shape[0] = weight.dim(0);
    slope = reshape(slope, shape);
  }
  return x.builder->node("PRelu", {x, slope});
}

}  // namespace octet::nn
