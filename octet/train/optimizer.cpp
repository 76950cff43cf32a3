#include "octet/train/optimizer.h"

#include <algorithm>
#include <cmath>

#include "octet/train/optimizer_parts.h"

namespace octet::train {

double base_rate(const OptimizerOptions& options) {
  return std::visit([](const auto& o) { return o.lr; }, options);
}

void set_base_rate(OptimizerOptions& options, double rate) {
  std::visit([&](auto& o) { o.lr = rate; }, options);
}

const char* to_string(const OptimizerOptions& options) {
  constexpr const char* kNames[] = {"sgd", "adam", "adamw"};
  return kNames[options.index()];
}

Optimizer::Optimizer(std::vector<Parameter> parameters) : parameters_(std::move(parameters)) {
  for (const Parameter& parameter : parameters_) {
    if (parameter.value.defined() && parameter.value.dtype() == DType::f32) continue;
    throw Error(ErrorKind::usage, "a parameter is not float32").tensor(parameter.name);
  }
}

void Optimizer::check(const std::vector<Tensor>& gradients) const {
  if (gradients.size() != parameters_.size()) {
    throw Error(ErrorKind::internal, "a step needs a gradient for each parameter")
        .value(std::to_string(gradients.size()))
        .expected(std::to_string(parameters_.size()));
  }
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const Tensor& g = gradients[i];
    if (!g.defined() || (g.dtype() == DType::f32 && g.elements() == parameters_[i].value.elements())) continue;
    throw Error(ErrorKind::internal, "a gradient does not fit its parameter")
        .tensor(parameters_[i].name)
        .value(to_string(g.shape()))
        .expected(to_string(parameters_[i].value.shape()));
  }
}

std::int64_t Optimizer::state_bytes() {
  std::int64_t bytes = 0;
  for (const auto& [name, tensor] : state()) bytes += static_cast<std::int64_t>(tensor.bytes());
  return bytes;
}

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<Parameter> parameters) {
  if (const auto* sgd = std::get_if<Sgd>(&options)) return make_sgd(*sgd, std::move(parameters));
  if (const auto* adam = std::get_if<Adam>(&options)) {
    return make_adam({*adam, false}, std::move(parameters));
  }
  const AdamW& o = std::get<AdamW>(options);
  return make_adam({{o.lr, o.beta1, o.beta2, o.epsilon, o.weight_decay, o.amsgrad, o.bits}, true},
                   std::move(parameters));
}

void require_range(bool fits, const char* option, double value, const char* expected) {
  if (fits) return;
  throw Error(ErrorKind::usage, std::string("the optimizer's option ") + option + " is out of range")
      .value(std::to_string(value))
      .expected(expected);
}

double gradient_norm(const std::vector<Tensor>& gradients) {
  double total = 0;
  for (const Tensor& g : gradients) {
    if (!g.defined()) continue;
    const float* x = g.data<float>();
    double sums[8] = {};  // eight sums side by side: fast, and always in the same order
    const std::int64_t count = g.elements();
    for (std::int64_t i = 0; i < count / 8 * 8; i += 8) {
      for (std::int64_t k = 0; k < 8; ++k) sums[k] += static_cast<double>(x[i + k]) * static_cast<double>(x[i + k]);
    }
    for (std::int64_t i = count / 8 * 8; i < count; ++i)
      sums[0] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    for (const double sum : sums) total += sum;
  }
  return std::sqrt(total);
}

double clip_norm(std::vector<Tensor>& gradients, double limit) {
  const double norm = gradient_norm(gradients), factor = limit / (norm + 1e-6);
  if (!(factor < 1)) return norm;
  for (Tensor& g : gradients) {
    for (std::int64_t i = 0; g.defined() && i < g.elements(); ++i) g.data<float>()[i] *= static_cast<float>(factor);
  }
  return norm;
}

void clip_value(std::vector<Tensor>& gradients, double limit) {
  const auto bound = static_cast<float>(limit);
  for (Tensor& g : gradients) {
    for (std::int64_t i = 0; g.defined() && i < g.elements(); ++i) {
      float& x = g.data<float>()[i];
      x = x > bound ? bound : x < -bound ? -bound : x;  // NaN stays NaN: it must be noticed
    }
  }
}

}  // namespace octet::train
