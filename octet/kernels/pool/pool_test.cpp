#include "octet/kernels/pool/pool.h"

#include <gtest/gtest.h>

#include <cmath>

#include "octet/kernels/igemm/testing.h"

namespace octet::kernels {
namespace {

using testing::Random;

PoolShape random_pool(Random& random) {
  PoolShape s{.batch = random.in(1, 2),
              .in_height = random.in(1, 9),
              .in_width = random.in(1, 12),
              .out_height = random.in(1, 6),
              .out_width = random.in(1, 7),
              .channels = random.in(1, 140),
              .kernel_height = random.in(1, 4),
              .kernel_width = random.in(1, 4),
              .stride_h = random.in(1, 3),
              .stride_w = random.in(1, 3),
              .dilation_h = random.in(1, 2),
              .dilation_w = random.in(1, 2),
              .pad_top = random.in(0, 2),
              .pad_left = random.in(0, 2),
              .count_padding = random.one_in(2)};
  s.pad_bottom = random.in(0, 2);
  s.pad_right = random.in(0, 2);
  if (random.one_in(3)) s.in_stride = s.channels + 3;
  if (random.one_in(3)) s.out_stride = s.channels + 5;
  return s;
}

// Visits the input indices of the window of an output place; returns the places that an average divides by.
template <class Visit>
std::int64_t window(const PoolShape& s, std::int64_t b, std::int64_t oy, std::int64_t ox, std::int64_t c,
                    const Visit& visit) {
  std::int64_t places = 0;
  for (std::int64_t ky = 0; ky < s.kernel_height; ++ky) {
    for (std::int64_t kx = 0; kx < s.kernel_width; ++kx) {
      const std::int64_t y = oy * s.stride_h + ky * s.dilation_h - s.pad_top,
                         x = ox * s.stride_w + kx * s.dilation_w - s.pad_left;
      const bool inside = y >= 0 && x >= 0 && y < s.in_height && x < s.in_width;
      const bool padded = y < s.in_height + s.pad_bottom && x < s.in_width + s.pad_right;
      places += s.count_padding ? padded : inside;
      const std::int64_t stride = s.in_stride == 0 ? s.channels : s.in_stride;
      if (inside) visit(static_cast<std::size_t>(((b * s.in_height + y) * s.in_width + x) * stride + c));
    }
  }
  return places;
}

TEST(Pool, EveryKernelEqualsTheDefinition) {
  Random random(47);
  for (int i = 0; i < 150; ++i) {
    const PoolShape s = random_pool(random);
    const std::int64_t in_stride = s.in_stride == 0 ? s.channels : s.in_stride,
                       out_stride = s.out_stride == 0 ? s.channels : s.out_stride;
    const auto bytes = random.array<std::uint8_t>(s.batch * s.in_height * s.in_width * in_stride, 0, 255);
    const auto floats = random.array<float>(static_cast<std::int64_t>(bytes.size()), -3, -1);
    const AverageU8 p{
        .in_zero_point = static_cast<std::int32_t>(random.in(0, 255)), .out_zero_point = 100, .multiplier = 0.7f};
    const auto size = static_cast<std::size_t>(s.batch * s.out_height * s.out_width * out_stride);
    for (const PoolKernel* kernel : pool_table()) {
      if (!cpu_supports(kernel->isa)) continue;
      SCOPED_TRACE(kernel->name);
      std::vector<std::uint8_t> max_bytes(size, 0x5c), average_bytes(size, 0x5c);
      std::vector<float> max_floats(size, 99), average_floats(size, 99);
      for (std::int64_t row = 0; row < s.batch * s.out_height; ++row) {
        kernel->max_u8(s, bytes.data(), max_bytes.data(), row);
        kernel->max_f32(s, floats.data(), max_floats.data(), row);
        kernel->average_u8(s, p, bytes.data(), average_bytes.data(), row);
        kernel->average_f32(s, floats.data(), average_floats.data(), row);
      }
      for (std::int64_t o = 0; o < static_cast<std::int64_t>(size); ++o) {
        const std::int64_t c = o % out_stride, pixel = o / out_stride;
        const auto at = static_cast<std::size_t>(o);
        if (c >= s.channels) {
          ASSERT_TRUE(max_bytes[at] == 0x5c && average_bytes[at] == 0x5c && max_floats[at] == 99 &&
                      average_floats[at] == 99);
          continue;
        }
        int greatest = 0, sum = 0;
        float greatest_float = -INFINITY;
        double sum_float = 0;
        const std::int64_t places = window(s, pixel / s.out_width / s.out_height, pixel / s.out_width % s.out_height,
                                           pixel % s.out_width, c, [&](std::size_t j) {
                                             greatest = std::max(greatest, int{bytes[j]});
                                             greatest_float = std::max(greatest_float, floats[j]);
                                             sum += bytes[j] - p.in_zero_point;
                                             sum_float += floats[j];
                                           });
        ASSERT_EQ(max_bytes[at], greatest);
        ASSERT_EQ(max_floats[at], greatest_float);
        const float v = places == 0 ? 0 : static_cast<float>(sum) * (p.multiplier / static_cast<float>(places));
        ASSERT_EQ(average_bytes[at], std::clamp(std::nearbyint(v) + 100, 0.0f, 255.0f));
        ASSERT_NEAR(average_floats[at], places == 0 ? 0 : sum_float / static_cast<double>(places), 1e-5);
      }
    }
  }
}

TEST(Pool, AGlobalAverageIsOneWindow) {
  ThreadPool pool(2);
  const PoolShape s{.in_height = 7, .in_width = 7, .channels = 130, .kernel_height = 7, .kernel_width = 7};
  std::vector<std::uint8_t> x(49 * 130), y(130);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<std::uint8_t>(i % 130);
  average_pool_u8(s, {.in_zero_point = 3, .out_zero_point = 3}, x.data(), y.data(), pool);
  for (std::size_t c = 0; c < y.size(); ++c) EXPECT_EQ(y[c], c);
}

}  // namespace
}  // namespace octet::kernels
