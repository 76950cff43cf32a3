// Optimizers. They hold the parameters' own tensors and change them in place.
//
//   auto optimizer = train::make_optimizer(train::AdamW{.weight_decay = 0.01}, parameters);
//   optimizer->step(gradients, 1e-3, pool);
//
// Every element is computed by itself in a fixed order of operations: any number of threads gives the same bits.
#pragma once

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "octet/base/threads.h"
#include "octet/tensor/tensor.h"

namespace octet::train {

struct Parameter {
  std::string name;
  Tensor value;  ///< float32
};

/// g += weight_decay p;  b = momentum b + (1 - dampening) g (the first time b = g);
/// p -= rate (nesterov ? g + momentum b : b).   Source: torch.optim.SGD
struct Sgd {
  double lr = 0.1, momentum = 0, dampening = 0, weight_decay = 0;
  bool nesterov = false;
};
/// g += weight_decay p;  m += (1 - beta1)(g - m);  v = beta2 v + (1 - beta2) g^2;
/// p -= rate / (1 - beta1^t) m / (sqrt(v) / sqrt(1 - beta2^t) + epsilon).   Source: Kingma and Ba 2015, algorithm 1.
/// amsgrad: the largest v so far (Reddi et al. 2018).
/// bits = 8: m and v in blocks of 256 in the dynamic code (optimizer_code.h); tensors below 4096 elements stay in 32.
struct Adam {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0;
  bool amsgrad = false;
  int bits = 32;
};
/// As Adam, but p *= 1 - rate weight_decay first.   Source: Loshchilov and Hutter 2019, algorithm 2.
struct AdamW {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0.01;
  bool amsgrad = false;
  int bits = 32;
};
using OptimizerOptions = std::variant<Sgd, Adam, AdamW>;
/// The learning rate that the options name; schedules scale it.
double base_rate(const OptimizerOptions& options);
void set_base_rate(OptimizerOptions& options, double rate);
const char* to_string(const OptimizerOptions& options);

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// One step; gradients[i], float32, belongs to parameter i. Undefined: that parameter is left as it is.
  virtual void step(const std::vector<Tensor>& gradients, double rate, ThreadPool& threads) = 0;
  /// Everything it remembers, by name, sharing memory: checkpoints write it, and restore by copying into it.
  virtual std::vector<std::pair<std::string, Tensor>> state() = 0;
  /// Bytes of that.
  std::int64_t state_bytes();
  const std::vector<Parameter>& parameters() const { return parameters_; }

 protected:
  explicit Optimizer(std::vector<Parameter> parameters);
  void check(const std::vector<Tensor>& gradients) const;

  std::vector<Parameter> parameters_;
};

/// Throws usage for options outside their range (naming the option), or a parameter that is not float32.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options, std::vector<Parameter> parameters);

/// The norm sqrt(sum g^2) over all gradients, in double, in a fixed order; undefined ones are left out.
double gradient_norm(const std::vector<Tensor>& gradients);
/// Scales the gradients so that their norm is at most `limit`: times limit / (norm + 1e-6) where that is below 1.
/// Returns the norm before.  Source: Pascanu et al. 2013; torch clip_grad_norm_.
double clip_norm(std::vector<Tensor>& gradients, double limit);
/// Clamps every element to +-limit.
void clip_value(std::vector<Tensor>& gradients, double limit);

}  // namespace octet::train
