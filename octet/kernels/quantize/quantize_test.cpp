#include "octet/kernels/quantize/quantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>

#include "octet/kernels/igemm/testing.h"

namespace octet::kernels {
namespace {

using testing::Random;

std::vector<const QuantizeKernel*> runnable() {
  std::vector<const QuantizeKernel*> kernels;
  for (const QuantizeKernel* kernel : quantize_table()) {
    if (cpu_supports(kernel->isa)) kernels.push_back(kernel);
  }
  return kernels;
}

int byte_of(const QuantizeParams& p, std::uint8_t byte) {
  return p.is_signed ? int{static_cast<std::int8_t>(byte)} : int{byte};
}

// In doubles, whose quotient rounds to the float quotient's tie or side of it.
int expected(const QuantizeParams& p, float x) {
  const float v = p.rounding == Rounding::divide ? x / p.scale : x * (1.0f / p.scale);
  const double qmin = p.is_signed ? -128 : 0, qmax = qmin + 255;
  return static_cast<int>(std::clamp(std::nearbyint(static_cast<double>(v)) + p.zero_point, qmin, qmax));
}

TEST(Quantize, EveryKernelEqualsTheDefinition) {
  Random random(31);
  for (int i = 0; i < 200; ++i) {
    QuantizeParams p{.scale = random.real(0.001f, 0.1f),
                     .is_signed = random.one_in(2),
                     .rounding = random.one_in(2) ? Rounding::divide : Rounding::multiply};
    p.zero_point = static_cast<std::int32_t>(p.is_signed ? random.in(-128, 127) : random.in(0, 255));
    auto x = random.array<float>(random.in(1, 300), -6, 6);
    for (float& v : x) {
      if (random.one_in(3)) v = (static_cast<float>(random.in(-300, 300)) + 0.5f) * p.scale;  // ties
    }
    for (const QuantizeKernel* kernel : runnable()) {
      std::vector<std::uint8_t> y(x.size());
      std::vector<float> back(x.size());
      kernel->quantize(p, x.data(), static_cast<std::int64_t>(x.size()), y.data());
      kernel->dequantize(p, y.data(), static_cast<std::int64_t>(x.size()), back.data());
      for (std::size_t j = 0; j < x.size(); ++j) {
        ASSERT_EQ(byte_of(p, y[j]), expected(p, x[j])) << kernel->name << ' ' << x[j] << '/' << p.scale;
        ASSERT_EQ(back[j], static_cast<float>(byte_of(p, y[j]) - p.zero_point) * p.scale);
      }
    }
  }
}

TEST(Quantize, TheTwoRoundingsDiffer) {
  // numerics.md's example: 127.5 by division, 127.499992 by the inverse.
  const float scale = 0.0627450980f, x = 127.5f * scale;
  ThreadPool pool(1);
  int differ = 0;
  for (int i = 0; i < 2000; ++i) {
    const float s = scale * (1 + static_cast<float>(i) * 1e-4f), v = x / scale * s;
    std::uint8_t a, b;
    quantize({.scale = s}, &v, 1, &a, pool);
    quantize({.scale = s, .rounding = Rounding::multiply}, &v, 1, &b, pool);
    differ += a != b;
  }
  EXPECT_GT(differ, 0);
}

TEST(Quantize, StrangeValuesSaturate) {
  const float inf = std::numeric_limits<float>::infinity();
  const std::vector<float> x = {inf, -inf, 3e38f, -3e38f, NAN, 0, -0.0f, 1e-40f};
  for (const QuantizeKernel* kernel : runnable()) {
    std::vector<std::uint8_t> y(x.size());
    kernel->quantize({.scale = 1e-6f, .zero_point = 7}, x.data(), static_cast<std::int64_t>(x.size()), y.data());
    EXPECT_EQ(y, (std::vector<std::uint8_t>{255, 0, 255, 0, 255, 7, 7, 7})) << kernel->name;
  }
}

TEST(Quantize, RowsHaveTheirOwnRange) {
  Random random(37);
  ThreadPool pool(2);
  const std::int64_t rows = 9, k = 77, stride = 80;
  auto x = random.array<float>(rows * stride, -1, 1);
  const auto row = [&](std::int64_t m) { return std::span(x).subspan(static_cast<std::size_t>(m * stride), k); };
  for (float& v : row(3)) v = 0;
  for (float& v : row(4)) v *= 1e-42f;
  for (float& v : row(5)) v = std::abs(v);
  for (float& v : row(6)) v = -2 - v;
  std::vector<std::uint8_t> y(static_cast<std::size_t>(rows * k));
  std::vector<float> scale(static_cast<std::size_t>(rows));
  std::vector<std::int32_t> zero_point(scale.size());
  quantize_rows(x.data(), rows, k, stride, y.data(), scale.data(), zero_point.data(), pool);
  for (std::int64_t m = 0; m < rows; ++m) {
    const float s = scale[static_cast<std::size_t>(m)];
    const std::int32_t z = zero_point[static_cast<std::size_t>(m)];
    const auto [low, high] = std::minmax_element(row(m).begin(), row(m).end());
    EXPECT_EQ(s, m == 3 || m == 4 ? 0 : (std::max(0.0f, *high) - std::min(0.0f, *low)) / 255) << m;
    if (m >= 3 && m <= 5) {
      EXPECT_EQ(z, 0) << m;
    }
    if (m == 6) {
      EXPECT_EQ(z, 255);
    }
    for (std::int64_t j = 0; j < k; ++j) {
      const int byte = y[static_cast<std::size_t>(m * k + j)];
      // Rounding the zero point may cut half a step off one of the ends.
      const float steps = byte == 0 || byte == 255 ? 1.0001f : 0.5001f;
      ASSERT_NEAR(static_cast<float>(byte - z) * s, row(m)[static_cast<std::size_t>(j)], steps * s + 1e-38f) << m;
    }
  }
}

TEST(Quantize, DynamicParametersAreOnnx) {
  ThreadPool pool(2);
  // The specification's own example.
  const std::vector<float> x = {0, 2, -3, -2.5f, 1.34f, 0.5f};
  const QuantizeParams p = dynamic_params(x.data(), 6, pool);
  EXPECT_FLOAT_EQ(p.scale, 0.0196078438f);
  EXPECT_EQ(p.zero_point, 153);
  std::vector<std::uint8_t> y(6);
  quantize(p, x.data(), 6, y.data(), pool);
  EXPECT_EQ(y, (std::vector<std::uint8_t>{153, 255, 0, 26, 221, 179}));
  const std::vector<float> zeros(5, 0);
  EXPECT_EQ(dynamic_params(zeros.data(), 5, pool).scale, 1);
  const std::vector<float> positive(100, 3);
  EXPECT_EQ(dynamic_params(positive.data(), 100, pool).zero_point, 0);
}

}  // namespace
}  // namespace octet::kernels
