// Activations and pooling as modules, for Sequential.
#pragma once

#include "octet/nn/functional.h"
#include "octet/nn/module.h"

namespace octet::nn {

/// A function of one value as a module.
template <Value (*function)(const Value&)>
class Activation : public Module {
 protected:
  Value forward(const Value& x) override { return function(x); }
};
using ReLU = Activation<relu>;
using ReLU6 = Activation<relu6>;
using Sigmoid = Activation<sigmoid>;
using Tanh = Activation<tanh>;
using GELU = Activation<gelu>;
using SiLU = Activation<silu>;
using Hardswish = Activation<hard_swish>;
using Hardsigmoid = Activation<hard_sigmoid>;
using SELU = Activation<selu>;
using Softplus = Activation<softplus>;
using Mish = Activation<mish>;
using GlobalAvgPool = Activation<global_avg_pool>;

class LeakyReLU : public Module {
 public:
  explicit LeakyReLU(float slope = 0.01f) : slope_(slope) {}

 protected:
  Value forward(const Value& x) override { return leaky_relu(x, slope_); }

 private:
  float slope_;
};

class ELU : public Module {
 public:
  explicit ELU(float alpha = 1) : alpha_(alpha) {}

 protected:
  Value forward(const Value& x) override { return elu(x, alpha_); }

 private:
  float alpha_;
};

/// x > 0 ? x : weight x, one weight for all of x, or one a channel (axis 1).
class PReLU : public Module {
 public:
  explicit PReLU(std::int64_t channels = 1, float initial = 0.25f, int input_rank = 4);
  Tensor weight;

 protected:
  Value forward(const Value& x) override;

 private:
  int input_rank_;
};

class Flatten : public Module {
 protected:
  Value forward(const Value& x) override { return flatten(x); }
};

class MaxPool2d : public Module {
 public:
  explicit MaxPool2d(Pair window, Pair stride = 0, Pair padding = 0)
      : window_(window), stride_(stride), padding_(padding) {}

 protected:
  Value forward(const Value& x) override { return max_pool2d(x, window_, stride_, padding_); }

 private:
  Pair window_, stride_, padding_;
};

class AvgPool2d : public Module {
 public:
  explicit AvgPool2d(Pair window, Pair stride = 0, Pair padding = 0)
      : window_(window), stride_(stride), padding_(padding) {}

 protected:
  Value forward(const Value& x) override { return avg_pool2d(x, window_, stride_, padding_); }

 private:
  Pair window_, stride_, padding_;
};

}  // namespace octet::nn
