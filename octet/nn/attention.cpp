#include "octet/nn/attention.h"

#include <cmath>

#include "octet/nn/init.h"

namespace octet::nn {

MultiheadAttention::MultiheadAttention(std::int64_t width, std::int64_t heads, Random& random)
    : out_proj(width, width, random, true, 3),
      in_proj_weight(DType::f32, {3 * width, width}),
      in_proj_bias(Tensor::zeros(DType::f32, {3 * width})),
      width_(width),
      heads_(heads) {
  if (heads <= 0 || width % heads != 0) {
    throw Error(ErrorKind::usage, "MultiheadAttention: the width does not divide into the heads")
        .value(std::to_string(width) + " wide, " + std::to_string(heads) + " heads");
  }
  xavier_uniform(in_proj_weight, random);
  std::fill_n(out_proj.bias.data<float>(), width, 0.0f);
  add_parameter("in_proj_weight", in_proj_weight);
  add_parameter("in_proj_bias", in_proj_bias);
  add("out_proj", out_proj);
}

std::vector<Value> MultiheadAttention::forward_all(const std::vector<Value>& inputs) {
  if (inputs.size() == 2 || inputs.size() > 4)
    throw Error(ErrorKind::usage, "MultiheadAttention takes one input, or query, key, value and perhaps a mask");
  Builder& b = *inputs[0].builder;
  const Value weight = transpose(b.parameter(in_proj_weight), {1, 0}), bias = b.parameter(in_proj_bias);
  std::vector<Value> projected;
  if (inputs.size() == 1) {
    projected = split(matmul(inputs[0], weight) + bias, 3, 2);
  } else {
    const std::vector<Value> weights = split(weight, 3, 1), biases = split(bias, 3, 0);
    for (std::size_t i = 0; i < 3; ++i) projected.push_back(matmul(inputs[i], weights[i]) + biases[i]);
  }
  const std::int64_t each = width_ / heads_;
  const auto heads = [&](const Value& x, const std::vector<std::int64_t>& order) {
    return transpose(reshape(x, {0, 0, heads_, each}), order);
  };
  const Value query = heads(projected[0], {0, 2, 1, 3}) * static_cast<float>(1 / std::sqrt(static_cast<double>(each)));
  Value scores = matmul(query, heads(projected[1], {0, 2, 3, 1}));
  if (inputs.size() == 4) scores = scores + inputs[3];
  const Value mixed = matmul(softmax(scores), heads(projected[2], {0, 2, 1, 3}));
  return {out_proj(reshape(transpose(mixed, {0, 2, 1, 3}), {0, 0, width_}))};
}

}  // namespace octet::nn
