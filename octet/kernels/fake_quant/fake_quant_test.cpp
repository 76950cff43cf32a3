#include "octet/kernels/fake_quant/fake_quant.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

#include "octet/kernels/igemm/testing.h"

namespace octet::kernels {
namespace {

using testing::Random;

struct Case {
  FakeQuantParams params;
  std::vector<float> x, dy;
};

Case random_case(Random& random) {
  const auto bits = static_cast<int>(random.in(2, 8));
  const bool is_signed = random.one_in(2);
  Case out;
  out.params.qmin = is_signed ? -static_cast<float>(1 << (bits - 1)) : 0;
  out.params.qmax = out.params.qmin + static_cast<float>((1 << bits) - 1);
  out.params.scale = random.real(0.001f, 0.1f);
  out.params.zero_point = static_cast<float>(
      random.in(static_cast<std::int64_t>(out.params.qmin), static_cast<std::int64_t>(out.params.qmax)));
  out.x = random.array<float>(random.in(1, 5000), -6, 6);
  out.dy = random.array<float>(static_cast<std::int64_t>(out.x.size()), -1, 1);
  for (float& v : out.x) {
    if (random.one_in(3)) v = (static_cast<float>(random.in(-300, 300)) + 0.5f) * out.params.scale;  // ties
  }
  return out;
}

// The definition, level by level in integers.
TEST(FakeQuant, EveryKernelEqualsTheDefinition) {
  Random random(5);
  for (int n = 0; n < 100; ++n) {
    const Case c = random_case(random);
    const FakeQuantParams& p = c.params;
    const auto count = std::min<std::int64_t>(kFakeQuantChunk, static_cast<std::int64_t>(c.x.size()));
    for (const FakeQuantKernel* kernel : fake_quant_table()) {
      if (!cpu_supports(kernel->isa)) continue;
      std::vector<float> y(c.x.size()), dx(c.x.size()), learned_dx(c.x.size());
      const std::int64_t clipped = kernel->forward(p, c.x.data(), count, y.data());
      kernel->gradient(p, c.x.data(), c.dy.data(), count, dx.data());
      const LearnedSums sums = kernel->learned(p, c.x.data(), c.dy.data(), count, learned_dx.data());
      std::int64_t outside = 0;
      double scale = 0, zero = 0;
      for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        const auto q = static_cast<int>(std::nearbyint(c.x[i] * (1.0f / p.scale))) + static_cast<int>(p.zero_point);
        const int low = static_cast<int>(p.qmin), high = static_cast<int>(p.qmax);
        const auto steps = static_cast<float>(std::clamp(q, low, high) - static_cast<int>(p.zero_point));
        ASSERT_EQ(y[i], steps * p.scale) << kernel->name;
        const bool inside = q >= low && q <= high;
        ASSERT_EQ(dx[i], inside ? c.dy[i] : 0.0f) << kernel->name;
        outside += !inside;
        const float learned_q = std::nearbyint(c.x[i] * (1.0f / p.scale) + p.zero_point);
        const bool within = learned_q >= p.qmin && learned_q <= p.qmax;
        ASSERT_EQ(learned_dx[i], within ? c.dy[i] : 0.0f) << kernel->name;
        const double dy = double{c.dy[i]};
        const double clamped = double{std::clamp(learned_q, p.qmin, p.qmax) - p.zero_point};
        scale += dy * (within ? (clamped * double{p.scale} - double{c.x[i]}) / double{p.scale} : clamped);
        zero -= within ? 0 : dy * double{p.scale};
      }
      EXPECT_EQ(clipped, outside) << kernel->name;
      EXPECT_NEAR(sums.scale, scale, 1e-3 * (1 + std::abs(scale))) << kernel->name;
      EXPECT_NEAR(sums.zero_point, zero, 1e-4 * (1 + std::abs(zero))) << kernel->name;
    }
  }
}

TEST(FakeQuant, SumsAreTheSameBitsOnEveryInstructionSetAndThreadCount) {
  Random random(6);
  const Case c = random_case(random);
  std::vector<float> x, dy;
  for (int i = 0; i < 20; ++i) {
    x.insert(x.end(), c.x.begin(), c.x.end());
    dy.insert(dy.end(), c.dy.begin(), c.dy.end());
  }
  const auto count = static_cast<std::int64_t>(x.size());
  std::vector<float> dx(x.size());
  ThreadPool one(1), two(2);
  const LearnedSums a = fake_quant_learned_gradient(c.params, x.data(), dy.data(), count, dx.data(), one);
  const LearnedSums b = fake_quant_learned_gradient(c.params, x.data(), dy.data(), count, dx.data(), two);
  EXPECT_EQ(a.scale, b.scale);
  EXPECT_EQ(a.zero_point, b.zero_point);
  const std::int64_t some = std::min<std::int64_t>(1000, static_cast<std::int64_t>(c.x.size()));
  const LearnedSums expected = fake_quant_table().back()->learned(c.params, c.x.data(), c.dy.data(), some, dx.data());
  for (const FakeQuantKernel* kernel : fake_quant_table()) {
    if (!cpu_supports(kernel->isa)) continue;
    const LearnedSums sums = kernel->learned(c.params, c.x.data(), c.dy.data(), some, dx.data());
    EXPECT_EQ(sums.scale, expected.scale) << kernel->name;
    EXPECT_EQ(sums.zero_point, expected.zero_point) << kernel->name;
  }
}

TEST(FakeQuant, NanPassesAndInfinitySaturates) {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  const std::vector<float> x(40, nan), high(40, infinity), low(40, -infinity);
  for (const FakeQuantKernel* kernel : fake_quant_table()) {
    if (!cpu_supports(kernel->isa)) continue;
    std::vector<float> y(40);
    const FakeQuantParams p{.scale = 0.5f, .zero_point = 3, .qmin = 0, .qmax = 15};
    EXPECT_EQ(kernel->forward(p, x.data(), 40, y.data()), 0);
    for (const float v : y) EXPECT_TRUE(std::isnan(v)) << kernel->name;
    EXPECT_EQ(kernel->forward(p, high.data(), 40, y.data()), 40);
    for (const float v : y) EXPECT_EQ(v, 6.0f);
    EXPECT_EQ(kernel->forward(p, low.data(), 40, y.data()), 40);
    for (const float v : y) EXPECT_EQ(v, -1.5f);
  }
}

TEST(FakeQuant, RangeOfNothingIsEmpty) {
  ThreadPool pool(1);
  const MinMax none = min_max(nullptr, 0, pool);
  EXPECT_GT(none.min, none.max);
  const std::vector<float> x = {3, -2, 7};
  EXPECT_EQ(min_max(x.data(), 3, pool).min, -2);
  EXPECT_EQ(min_max(x.data(), 3, pool).max, 7);
}

}  // namespace
}  // namespace octet::kernels
