// Functions without parameters, as nodes of the graph that is being built. Equations are those of ONNX's operators of
// the same name unless written out.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "octet/nn/value.h"

namespace octet::nn {

Value relu(const Value& x);
Value relu6(const Value& x);  ///< min(max(x, 0), 6)
Value sigmoid(const Value& x);
Value tanh(const Value& x);
Value gelu(const Value& x);  ///< 0.5 x (1 + erf(x / sqrt 2))
Value silu(const Value& x);  ///< x sigmoid(x)
Value hard_swish(const Value& x);
Value hard_sigmoid(const Value& x);  ///< min(max(x / 6 + 0.5, 0), 1)
Value leaky_relu(const Value& x, float slope = 0.01f);
Value elu(const Value& x, float alpha = 1);
Value selu(const Value& x);
Value softplus(const Value& x);
Value mish(const Value& x);  ///< x tanh(softplus(x))
Value softmax(const Value& x, int axis = -1);
Value log_softmax(const Value& x, int axis = -1);

/// Height and width; one number stands for both.
struct Pair {
  std::int64_t h, w;
  Pair(std::int64_t both) : h(both), w(both) {}  // NOLINT(google-explicit-constructor)
  Pair(std::int64_t height, std::int64_t width) : h(height), w(width) {}
};

/// Windows over [N, C, H, W]. A stride of 0 means the window's own size; the average counts padding, as torch's does.
Value max_pool2d(const Value& x, Pair window, Pair stride = 0, Pair padding = 0);
Value avg_pool2d(const Value& x, Pair window, Pair stride = 0, Pair padding = 0);
/// [N, C, ...] to [N, C, 1, ...]: the mean of each channel.
Value global_avg_pool(const Value& x);

/// [d0, .., d(axis-1), axis...] to two dimensions.
Value flatten(const Value& x, int axis = 1);
/// 0 keeps a dimension, -1 takes what is left.
Value reshape(const Value& x, const std::vector<std::int64_t>& shape);
Value transpose(const Value& x, const std::vector<std::int64_t>& order);
Value concat(const std::vector<Value>& parts, int axis);
/// Equal parts along an axis.
std::vector<Value> split(const Value& x, int parts, int axis);
Value matmul(const Value& a, const Value& b);
Value mean(const Value& x, const std::vector<std::int64_t>& axes, bool keep = true);
Value sqrt(const Value& x);
/// x scaled and zeroed at random in training, x itself in inference.
Value dropout(const Value& x, float ratio = 0.5f);

}  // namespace octet::nn
