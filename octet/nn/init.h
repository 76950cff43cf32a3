// Tensors filled at random, draw for draw as torch's CPU generator fills them.
//
//   Random random(42);                      // torch.manual_seed(42)
//   Tensor x = nn::rand({10000, 3}, random);
#pragma once

#include <vector>

#include "octet/base/random.h"
#include "octet/tensor/tensor.h"

namespace octet::nn {

/// x_i uniform in [low, high), one draw after another.
void fill_uniform(Tensor& x, double low, double high, Random& random);
/// x_i normal. Below 16 elements one after another; from 16 on in groups of 16 uniform draws u, where
/// x_j = r cos t and x_(j+8) = r sin t with r = sqrt(-2 log(1 - u_j)), t = 2 pi u_(j+8); the last 16 elements are
/// drawn afresh where 16 does not divide their number. Source: ATen normal_fill.
void fill_normal(Tensor& x, double mean, double deviation, Random& random);
/// float32 tensors, uniform in [0, 1) and standard normal.
Tensor rand(const Shape& shape, Random& random);
Tensor randn(const Shape& shape, Random& random);
/// 0 to count-1 in random order. Source: ATen randperm on the CPU.
std::vector<std::int64_t> random_permutation(std::int64_t count, Random& random);

/// Inputs of one output element of a weight [out, in / groups, kernel...].
std::int64_t fan_in(const Shape& weight);
/// Uniform in +-gain * sqrt(3 / fan_in), gain = sqrt(2 / (1 + slope^2)). Source: He et al. 2015, torch
/// kaiming_uniform_.
void kaiming_uniform(Tensor& weight, double slope, Random& random);
/// Uniform in +-sqrt(6 / (fan_in + fan_out)). Source: Glorot and Bengio 2010, torch xavier_uniform_.
void xavier_uniform(Tensor& weight, Random& random);
/// What torch's Linear and convolutions begin with: kaiming_uniform(sqrt 5) for the weight, then uniform in
/// +-1/sqrt(fan_in) for the bias (left out where undefined).
void reset_weight_and_bias(Tensor& weight, Tensor& bias, Random& random);

}  // namespace octet::nn
