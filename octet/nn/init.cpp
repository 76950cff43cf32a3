#include "octet/nn/init.h"

#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace octet::nn {
namespace {

constexpr std::int64_t kGroup = 16;

void normal_group(float* x, float mean, float deviation) {
  for (std::int64_t j = 0; j < kGroup / 2; ++j) {
    const float radius = std::sqrt(-2 * std::log(1 - x[j]));
    const float angle = 2 * std::numbers::pi_v<float> * x[j + kGroup / 2];
    x[j] = radius * std::cos(angle) * deviation + mean;
    x[j + kGroup / 2] = radius * std::sin(angle) * deviation + mean;
  }
}

}  // namespace

void fill_uniform(Tensor& x, double low, double high, Random& random) {
  const auto from = static_cast<float>(low), to = static_cast<float>(high);
  for (std::int64_t i = 0; i < x.elements(); ++i) x.data<float>()[i] = random.uniform(from, to);
}

void fill_normal(Tensor& x, double mean, double deviation, Random& random) {
  const std::int64_t count = x.elements();
  float* const out = x.data<float>();
  if (count < kGroup) {
    for (std::int64_t i = 0; i < count; ++i) out[i] = static_cast<float>(random.normal() * deviation + mean);
    return;
  }
  for (std::int64_t i = 0; i < count; ++i) out[i] = random.uniform();
  const auto m = static_cast<float>(mean), d = static_cast<float>(deviation);
  for (std::int64_t i = 0; i + kGroup <= count; i += kGroup) normal_group(out + i, m, d);
  if (count % kGroup == 0) return;
  float* const last = out + count - kGroup;
  for (std::int64_t i = 0; i < kGroup; ++i) last[i] = random.uniform();
  normal_group(last, m, d);
}

Tensor rand(const Shape& shape, Random& random) {
  Tensor x(DType::f32, shape);
  fill_uniform(x, 0, 1, random);
  return x;
}

Tensor randn(const Shape& shape, Random& random) {
  Tensor x(DType::f32, shape);
  fill_normal(x, 0, 1, random);
  return x;
}

std::vector<std::int64_t> random_permutation(std::int64_t count, Random& random) {
  std::vector<std::int64_t> out(static_cast<std::size_t>(count));
  std::iota(out.begin(), out.end(), 0);
  for (std::int64_t i = 0; i < count - 1; ++i) {
    const auto left = static_cast<std::uint32_t>(count - i);
    std::swap(out[static_cast<std::size_t>(i)], out[static_cast<std::size_t>(i + random.next_u32() % left)]);
  }
  return out;
}

std::int64_t fan_in(const Shape& weight) { return weight.rank() < 2 ? 0 : weight.elements(1, weight.rank()); }

void kaiming_uniform(Tensor& weight, double slope, Random& random) {
  const std::int64_t fan = fan_in(weight.shape());
  if (fan == 0) return;
  const double deviation = std::sqrt(2.0 / (1 + slope * slope)) / std::sqrt(static_cast<double>(fan));
  const double bound = std::numbers::sqrt3 * deviation;
  fill_uniform(weight, -bound, bound, random);
}

void xavier_uniform(Tensor& weight, Random& random) {
  const std::int64_t in = fan_in(weight.shape());
  const std::int64_t out = weight.dim(0) * weight.shape().elements(2, weight.rank());
  const double bound = std::numbers::sqrt3 * std::sqrt(2.0 / static_cast<double>(in + out));
  fill_uniform(weight, -bound, bound, random);
}

void reset_weight_and_bias(Tensor& weight, Tensor& bias, Random& random) {
  kaiming_uniform(weight, std::sqrt(5.0), random);
  const std::int64_t fan = fan_in(weight.shape());
  if (!bias.defined() || fan == 0) return;
  const double bound = 1 / std::sqrt(static_cast<double>(fan));
  fill_uniform(bias, -bound, bound, random);
}

}  // namespace octet::nn
