// Normalizations with learned scale and shift.
#pragma once

#include <vector>

#include "octet/nn/module.h"

namespace octet::nn {

/// y = (x - mean) / sqrt(variance + epsilon) * weight + bias, a value a channel (axis 1), over [N, C] and [N, C, L]
/// (1d) or [N, C, H, W] (2d). The running statistics follow the batches: r += momentum (batch's - r).
class BatchNorm : public Module {
 public:
  explicit BatchNorm(std::int64_t channels, float epsilon = 1e-5f, float momentum = 0.1f);
  Tensor weight, bias, running_mean, running_var;

 protected:
  Value forward(const Value& x) override;

 private:
  float epsilon_, momentum_;
};
using BatchNorm1d = BatchNorm;
using BatchNorm2d = BatchNorm;

/// (x - mean) / sqrt(variance + epsilon) * weight + bias, statistics of each sample over the last axes, which have
/// `shape`.  weight, bias [shape]
class LayerNorm : public Module {
 public:
  explicit LayerNorm(const Shape& shape, float epsilon = 1e-5f, bool with_bias = true);
  Tensor weight, bias;

 protected:
  Value forward(const Value& x) override;

 private:
  float epsilon_;
};

/// x / sqrt(mean(x^2) + epsilon) * weight over the last axes, which have `shape`.
class RMSNorm : public Module {
 public:
  explicit RMSNorm(const Shape& shape, float epsilon = 1e-6f);
  Tensor weight;

 protected:
  Value forward(const Value& x) override;

 private:
  float epsilon_;
};

}  // namespace octet::nn
