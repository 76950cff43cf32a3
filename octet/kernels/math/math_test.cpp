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

}  // namespace
}  // namespace octet::kernels
