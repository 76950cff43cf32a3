// Stochastic gradient descent: the equations are at Sgd in optimizer.h.
#include "octet/train/optimizer_parts.h"

namespace octet::train {
namespace {

class SgdOptimizer : public Optimizer {
 public:
  SgdOptimizer(const Sgd& options, std::vector<Parameter> parameters)
      : Optimizer(std::move(parameters)), o_(options), begun_(Tensor::zeros(DType::i64, {count()})) {
    require_range(o_.momentum >= 0 && o_.momentum < 1, "momentum", o_.momentum, "0 <= momentum < 1");
    require_range(o_.weight_decay >= 0, "weight_decay", o_.weight_decay, "at least 0");
    require_range(!o_.nesterov || (o_.momentum > 0 && o_.dampening == 0), "nesterov", o_.momentum,
                  "a momentum above 0 and no dampening");
    for (const Parameter& parameter : parameters_) {
      if (o_.momentum != 0) momenta_.push_back(Tensor::zeros(DType::f32, parameter.value.shape()));
    }
  }

  void step(const std::vector<Tensor>& gradients, double rate, ThreadPool& threads) override {
    check(gradients);
    for (std::size_t i = 0; i < gradients.size(); ++i) {
      if (gradients[i].defined()) update(i, gradients[i].data<float>(), static_cast<float>(rate), threads);
    }
  }

  std::vector<std::pair<std::string, Tensor>> state() override {
    std::vector<std::pair<std::string, Tensor>> out;
    if (o_.momentum == 0) return out;
    out.emplace_back("begun", begun_);
    for (std::size_t i = 0; i < momenta_.size(); ++i) out.emplace_back(parameters_[i].name + ".momentum", momenta_[i]);
    return out;
  }

 private:
  std::int64_t count() const { return static_cast<std::int64_t>(parameters_.size()); }

  void update(std::size_t i, const float* g, float rate, ThreadPool& threads) {
    float* const p = parameters_[i].value.data<float>();
    const auto decay = static_cast<float>(o_.weight_decay), mu = static_cast<float>(o_.momentum);
    std::int64_t& begun = begun_.data<std::int64_t>()[i];
    const float take = begun == 0 ? 1.0f : static_cast<float>(1 - o_.dampening);
    begun = 1;
    const bool nesterov = o_.nesterov;
    float* const b = mu == 0 ? nullptr : momenta_[i].data<float>();
    threads.parallel_for(parameters_[i].value.elements(), kUpdateGrain, [&](std::int64_t begin, std::int64_t end) {
      if (b == nullptr) {
        for (std::int64_t k = begin; k < end; ++k) p[k] -= rate * (g[k] + decay * p[k]);
        return;
      }
      for (std::int64_t k = begin; k < end; ++k) {
        const float d = g[k] + decay * p[k];
        b[k] = mu * b[k] + take * d;
        p[k] -= rate * (nesterov ? d + mu * b[k] : b[k]);
      }
    });
  }

  Sgd o_;
  Tensor begun_;  ///< a flag a parameter: its momentum holds a gradient
  std::vector<Tensor> momenta_;
};

}  // namespace

std::unique_ptr<Optimizer> make_sgd(const Sgd& options, std::vector<Parameter> parameters) {
  return std::make_unique<SgdOptimizer>(options, std::move(parameters));
}

}  // namespace octet::train
