// Adam and AdamW, with states in 32 or 8 bits: the equations are at Adam in optimizer.h.
#include <algorithm>
#include <cmath>

#include "octet/train/optimizer_code.h"
#include "octet/train/optimizer_parts.h"

namespace octet::train {
namespace {

constexpr std::int64_t kSmallest8Bit = 4096;  // elements; below, eight bits save little (Dettmers et al. 2022, 2.2)

// The numbers that all elements of a step share.
struct StepConstants {
  float take1, beta2, take2, epsilon, coupled_decay, shrink, step_size,
      inverse_root;  ///< take: 1 - beta, in double first
};

struct Moments {
  float* m;
  float* v;
  float* largest;  ///< amsgrad's; null without
};

void update(const StepConstants& c, const float* g, float* p, const Moments& s, std::int64_t begin, std::int64_t end) {
  for (std::int64_t k = begin; k < end; ++k) {
    const float shrunk = p[k] * c.shrink, d = g[k] + c.coupled_decay * shrunk;
    s.m[k] += c.take1 * (d - s.m[k]);
    s.v[k] = c.beta2 * s.v[k] + c.take2 * d * d;
    float v = s.v[k];
    if (s.largest != nullptr) v = s.largest[k] = std::max(s.largest[k], v);
    p[k] = shrunk - c.step_size * (s.m[k] / (std::sqrt(v) * c.inverse_root + c.epsilon));
  }
}

// States of one parameter.
struct State {
  Tensor m, v, largest;     ///< float32, or codes (uint8)
  Tensor m_scale, v_scale;  ///< one a block of codes
  bool eight_bit() const { return m_scale.defined(); }
};

class AdamOptimizer : public Optimizer {
 public:
  AdamOptimizer(const AdamForm& form, std::vector<Parameter> parameters);
  void step(const std::vector<Tensor>& gradients, double rate, ThreadPool& threads) override;
  std::vector<std::pair<std::string, Tensor>> state() override;

 private:
  StepConstants constants(double rate, std::int64_t step) const;
  void update_blocks(const StepConstants& c, const float* g, float* p, State& s, std::int64_t count,
                     ThreadPool& threads) const;

  AdamForm form_;
  DynamicCode signed_code_{true}, unsigned_code_{false};
  Tensor steps_;  ///< one count a parameter
  std::vector<State> states_;
};

AdamOptimizer::AdamOptimizer(const AdamForm& form, std::vector<Parameter> parameters)
    : Optimizer(std::move(parameters)),
      form_(form),
      steps_(Tensor::zeros(DType::i64, {static_cast<std::int64_t>(parameters_.size())})) {
  const Adam& o = form_.options;
  require_range(o.beta1 >= 0 && o.beta1 < 1, "beta1", o.beta1, "0 <= beta1 < 1");
  require_range(o.beta2 >= 0 && o.beta2 < 1, "beta2", o.beta2, "0 <= beta2 < 1");
  require_range(o.epsilon >= 0, "epsilon", o.epsilon, "at least 0");
  require_range(o.weight_decay >= 0, "weight_decay", o.weight_decay, "at least 0");
  require_range(o.bits == 32 || o.bits == 8, "bits", o.bits, "32 or 8");
  require_range(o.bits == 32 || !o.amsgrad, "bits", o.bits, "32 with amsgrad");
  for (const Parameter& parameter : parameters_) {
    const Shape& shape = parameter.value.shape();
    State& s = states_.emplace_back();
    if (o.bits == 8 && shape.elements() >= kSmallest8Bit) {
      const Shape blocks{(shape.elements() + kStateBlock - 1) / kStateBlock};
      s.m = Tensor::zeros(DType::u8, shape);
      s.v = Tensor::zeros(DType::u8, shape);
      s.m_scale = Tensor::zeros(DType::f32, blocks);
      s.v_scale = Tensor::zeros(DType::f32, blocks);
    } else {
      s.m = Tensor::zeros(DType::f32, shape);
      s.v = Tensor::zeros(DType::f32, shape);
      if (o.amsgrad) s.largest = Tensor::zeros(DType::f32, shape);
    }
  }
}

StepConstants AdamOptimizer::constants(double rate, std::int64_t step) const {
  const Adam& o = form_.options;
  const auto t = static_cast<double>(step);
  StepConstants c{};
  c.take1 = static_cast<float>(1 - o.beta1);
  c.beta2 = static_cast<float>(o.beta2);
  c.take2 = static_cast<float>(1 - o.beta2);
  c.epsilon = static_cast<float>(o.epsilon);
  c.coupled_decay = form_.decoupled_decay ? 0.0f : static_cast<float>(o.weight_decay);
  c.shrink = form_.decoupled_decay ? static_cast<float>(1 - rate * o.weight_decay) : 1.0f;
  c.step_size = static_cast<float>(rate / (1 - std::pow(o.beta1, t)));
  c.inverse_root = static_cast<float>(1 / std::sqrt(1 - std::pow(o.beta2, t)));
  return c;
}

void AdamOptimizer::step(const std::vector<Tensor>& gradients, double rate, ThreadPool& threads) {
  check(gradients);
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i].defined()) continue;
    const StepConstants c = constants(rate, ++steps_.data<std::int64_t>()[i]);
    const float* g = gradients[i].data<float>();
    float* const p = parameters_[i].value.data<float>();
    const std::int64_t count = parameters_[i].value.elements();
    State& s = states_[i];
    if (s.eight_bit()) {
      update_blocks(c, g, p, s, count, threads);
      continue;
    }
    const Moments moments{s.m.data<float>(), s.v.data<float>(),
                          s.largest.defined() ? s.largest.data<float>() : nullptr};
    threads.parallel_for(count, kUpdateGrain,
                         [&](std::int64_t begin, std::int64_t end) { update(c, g, p, moments, begin, end); });
  }
}

// A block is taken out of its codes, updated in float32, and put back under its new largest magnitude.
void AdamOptimizer::update_blocks(const StepConstants& c, const float* g, float* p, State& s, std::int64_t count,
                                  ThreadPool& threads) const {
  std::uint8_t *const qm = s.m.data<std::uint8_t>(), *const qv = s.v.data<std::uint8_t>();
  float *const scale_m = s.m_scale.data<float>(), *const scale_v = s.v_scale.data<float>();
  const auto pack = [](const DynamicCode& code, const float* x, std::int64_t n, std::uint8_t* q, float& scale) {
    float largest = 0;
    for (std::int64_t k = 0; k < n; ++k) largest = std::max(largest, std::abs(x[k]));
    scale = largest;
    const float inverse = largest > 0 ? 1 / largest : 0;
    for (std::int64_t k = 0; k < n; ++k) q[k] = code.nearest(std::isfinite(inverse) ? x[k] * inverse : x[k] / largest);
  };
  threads.parallel_for(s.m_scale.elements(), kUpdateGrain / kStateBlock, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t block = first; block < last; ++block) {
      const std::int64_t begin = block * kStateBlock, n = std::min(kStateBlock, count - begin);
      float m[kStateBlock], v[kStateBlock];
      for (std::int64_t k = 0; k < n; ++k) {
        m[k] = signed_code_.value(qm[begin + k]) * scale_m[block];
        v[k] = unsigned_code_.value(qv[begin + k]) * scale_v[block];
      }
      update(c, g + begin, p + begin, {m, v, nullptr}, 0, n);
      pack(signed_code_, m, n, qm + begin, scale_m[block]);
      pack(unsigned_code_, v, n, qv + begin, scale_v[block]);
    }
  });
}

std::vector<std::pair<std::string, Tensor>> AdamOptimizer::state() {
  std::vector<std::pair<std::string, Tensor>> out{{"steps", steps_}};
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const std::pair<const char*, Tensor*> parts[] = {{".m", &states_[i].m},
                                                     {".v", &states_[i].v},
                                                     {".largest", &states_[i].largest},
                                                     {".m_scale", &states_[i].m_scale},
                                                     {".v_scale", &states_[i].v_scale}};
    for (const auto& [suffix, tensor] : parts) {
      if (tensor->defined()) out.emplace_back(parameters_[i].name + suffix, *tensor);
    }
  }
  return out;
}

}  // namespace

std::unique_ptr<Optimizer> make_adam(const AdamForm& form, std::vector<Parameter> parameters) {
  return std::make_unique<AdamOptimizer>(form, std::move(parameters));
}

}  // namespace octet::train
