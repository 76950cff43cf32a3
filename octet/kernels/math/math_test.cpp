#include "octet/kernels/math/math.h"

#include <gtest/gtest.h>

#include <cmath>

#include "octet/kernels/igemm/testing.h"

namespace octet::kernels {
namespace {

using testing::Random;

// Rows at once give the bits of the functions that they are made of, one row after another.
TEST(Math, LayerNormIsItsPartsOnEveryTable) {
  Random random(3);
  for (int t = 0; const MathTable* table = math_table(t); ++t) {
    for (const std::int64_t rows : {0, 1, 3, 4, 5, 9}) {
      for (const std::int64_t count : {1, 15, 16, 17, 64, 100, 4097}) {
        const auto x = random.array<float>(rows * count, -3, 5), weight = random.array<float>(count, -1, 1);
        const auto bias = random.array<float>(count, -1, 1);
        const float* const added = random.one_in(2) ? bias.data() : nullptr;
        std::vector<float> y(x.size()), expected(x.size());
        table->layer_norm(x.data(), rows, count, 1e-5, weight.data(), added, y.data());
        for (std::int64_t r = 0; r < rows; ++r) {
          const float* const row = x.data() + r * count;
          const auto mean = static_cast<float>(table->sum(row, count) / static_cast<double>(count));
          const double variance = table->squared_distance(row, mean, count) / static_cast<double>(count);
          const auto factor = static_cast<float>(1 / std::sqrt(variance + 1e-5));
          table->normalize(row, mean, factor, weight.data(), added, expected.data() + r * count, count);
        }
        for (std::size_t i = 0; i < y.size(); ++i) ASSERT_EQ(y[i], expected[i]) << table->isa << ' ' << count;
      }
    }
  }
}

// Within 2^-22 |x| of x times the normal distribution function, with the same bits on every table, ends of vectors
// included.
TEST(Math, GeluIsCloseAndTheSameOnEveryTable) {
  std::vector<float> x = {0, -0.0f, NAN, INFINITY, 1e-40f, -1e-30f, 3e38f, -3e38f};
  for (int i = -23000; i < 23000; ++i) x.push_back(static_cast<float>(i) * 3e-4f);
  for (int i = -700; i < 70; ++i) {
    const float v = std::pow(1.07f, static_cast<float>(i));
    x.insert(x.end(), {v, -v});
  }
  const auto count = static_cast<std::int64_t>(x.size());
  const MathTable* last = math_table(0);
  ASSERT_NE(last, nullptr);
  for (int t = 1; math_table(t) != nullptr; ++t) last = math_table(t);
  std::vector<float> expected(x.size());
  last->gelu(x.data(), expected.data(), count);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!std::isfinite(x[i])) continue;
    const double exact = x[i] * 0.5 * std::erfc(-double{x[i]} / std::sqrt(2.0));
    ASSERT_LE(std::abs(expected[i] - exact), std::abs(double{x[i]}) * 0x1p-22 + 1e-44) << x[i];
  }
  EXPECT_TRUE(std::isnan(expected[2]));
  EXPECT_EQ(expected[3], INFINITY);
  EXPECT_EQ(expected[7], 0);
  for (int t = 0; const MathTable* table = math_table(t); ++t) {
    for (const std::int64_t skipped : {0, 1, 5, 16, 31}) {
      std::vector<float> y(x.size());
      table->gelu(x.data() + skipped, y.data(), count - skipped);
      for (std::size_t i = static_cast<std::size_t>(skipped); i < x.size(); ++i) {
        if (std::isnan(expected[i])) continue;
        ASSERT_EQ(y[i - static_cast<std::size_t>(skipped)], expected[i]) << table->isa << ' ' << x[i];
      }
      // NaN and infinity are left out.
      std::vector<float> again(x.size() - 8);
      float low = 0, high = 0, least = 0, greatest = 0;
      table->gelu_with_range(x.data() + 8, again.data(), count - 8 - skipped, low, high);
      for (std::size_t i = 8; i < x.size() - static_cast<std::size_t>(skipped); ++i) {
        ASSERT_EQ(again[i - 8], expected[i]) << table->isa << ' ' << x[i];
        least = std::min(least, expected[i]);
        greatest = std::max(greatest, expected[i]);
      }
      EXPECT_EQ(low, least) << table->isa;
      EXPECT_EQ(high, greatest) << table->isa;
    }
  }
}

TEST(Math, SumsAndProductsOfPairs) {
  constexpr std::int64_t count = 37;
  std::vector<float> a(count), b(count);
  for (std::size_t i = 0; i < a.size(); ++i) {
    a[i] = static_cast<float>(i) * 0.37f - 5;
    b[i] = 3 - static_cast<float>(i * i) * 0.11f;
  }
  for (int t = 0; const MathTable* table = math_table(t); ++t) {
    std::vector<float> sums(a.size()), products = b;  // the output may be an operand
    table->add(a.data(), b.data(), sums.data(), count);
    table->multiply(a.data(), products.data(), products.data(), count);
    for (std::size_t i = 0; i < a.size(); ++i) {
      ASSERT_EQ(sums[i], a[i] + b[i]) << table->isa;
      ASSERT_EQ(products[i], a[i] * b[i]) << table->isa;
    }
  }
}

}  // namespace
}  // namespace octet::kernels
