#include "octet/nn/normalization.h"

#include <algorithm>

#include "octet/nn/functional.h"

namespace octet::nn {
namespace {

Tensor filled(const Shape& shape, float value) {
  Tensor out(DType::f32, shape);
  std::fill_n(out.data<float>(), out.elements(), value);
  return out;
}

}  // namespace

BatchNorm::BatchNorm(std::int64_t channels, float epsilon, float momentum)
    : weight(filled({channels}, 1)),
      bias(filled({channels}, 0)),
      running_mean(filled({channels}, 0)),
      running_var(filled({channels}, 1)),
      epsilon_(epsilon),
      momentum_(momentum) {
  add_parameter("weight", weight);
  add_parameter("bias", bias);
  add_buffer("running_mean", running_mean);
  add_buffer("running_var", running_var);
}

Value BatchNorm::forward(const Value& x) {
  Builder& b = *x.builder;
  return b.node("BatchNormalization",
                {x, b.parameter(weight), b.parameter(bias), b.parameter(running_mean), b.parameter(running_var)},
                attributes({{"epsilon", epsilon_}, {"momentum", 1 - momentum_}}));
}

LayerNorm::LayerNorm(const Shape& shape, float epsilon, bool with_bias)
    : weight(filled(shape, 1)), bias(with_bias ? filled(shape, 0) : Tensor()), epsilon_(epsilon) {
  add_parameter("weight", weight);
  add_parameter("bias", bias);
}

Value LayerNorm::forward(const Value& x) {
  Builder& b = *x.builder;
  std::vector<Value> inputs{x, b.parameter(weight)};
  if (bias.defined()) inputs.push_back(b.parameter(bias));
  return b.node("LayerNormalization", inputs,
                attributes({{"axis", -static_cast<std::int64_t>(weight.rank())}, {"epsilon", epsilon_}}));
}

RMSNorm::RMSNorm(const Shape& shape, float epsilon) : weight(filled(shape, 1)), epsilon_(epsilon) {
  add_parameter("weight", weight);
}

Value RMSNorm::forward(const Value& x) {
  std::vector<std::int64_t> axes;
  for (int i = weight.rank(); i > 0; --i) axes.push_back(-i);
  return x / sqrt(mean(x * x, axes) + epsilon_) * x.builder->parameter(weight);
}

}  // namespace octet::nn
