#include <gtest/gtest.h>

#include "octet/kernels/depthwise_f32/depthwise_f32.h"
#include "octet/kernels/depthwise_u8s8/depthwise_u8s8.h"
#include "octet/kernels/igemm/select.h"
#include "octet/kernels/igemm/testing.h"
#include "octet/kernels/simulate/simulated.h"

namespace octet::kernels {
namespace {

using testing::Block;
using testing::Random;
using testing::RandomEpilogue;

std::vector<const IgemmKernel*> runnable(std::span<const IgemmKernel* const> table,
                                         std::vector<const IgemmKernel*> kernels) {
  for (const IgemmKernel* kernel : table) {
    if (cpu_supports(kernel->isa)) kernels.push_back(kernel);
  }
  return kernels;
}

ConvShape random_depthwise(Random& random) {
  ConvShape s = testing::random_conv(random);
  const std::int64_t gap = s.in_stride == 0 ? 0 : s.in_stride - s.in_channels;
  s.in_channels = s.out_channels = s.groups = random.one_in(3) ? 32 * random.in(1, 3) : random.in(1, 70);
  s.in_stride = gap == 0 ? 0 : s.in_channels + gap;
  if (random.one_in(3)) s.kernel_height = s.kernel_width = 5;
  if (random.one_in(2)) {  // what the kernels by rows take
    s.kernel_height = s.kernel_width = random.one_in(2) ? 3 : 5;
    s.dilation_h = s.dilation_w = 1;
    s.stride_h = s.stride_w = random.in(1, 2);
  }
  if (random.one_in(10)) {  // rows that are cut, and rows of more bytes than two are read at once
    s.in_width = random.in(100, 300);
    s.out_width = random.in(100, 280);
    s.out_height = random.in(1, 3);
  }
  return s;
}

// What a sweep finishes in registers: bytes by a scale, with limits or a hard swish, and no more.
void finish_in_registers(Random& random, RandomEpilogue& epilogue) {
  Epilogue& e = epilogue.e;
  e.out_type = Cell::u8;
  e.zero_point = static_cast<std::int32_t>(random.in(0, 255));
  e.residual = nullptr;
  e.bias_f32 = nullptr;
  e.row_scale = nullptr;
  e.lookup = nullptr;
  epilogue.weight_zero_point.clear();
  e.after_scale = 1;
  e.after_shift = 0;
  constexpr Activation kActivations[] = {Activation::none, Activation::relu, Activation::clamp, Activation::hard_swish};
  e.activation = kActivations[random.in(0, 3)];
  if (e.activation == Activation::hard_swish) return;
  for (float& x : epilogue.scale) x *= e.inv_scale;
  e.inv_scale = 1;
  e.alpha = random.real(-120, 20);
  e.beta = e.alpha + random.real(0, 100);
}

std::int64_t elements(const ConvShape& s) {
  return s.batch * s.in_height * s.in_width * (s.in_stride == 0 ? s.in_channels : s.in_stride);
}

TEST(DepthwiseU8S8, EveryKernelEqualsTheDefinition) {
  Random random(23);
  ThreadPool pool(2);
  std::size_t weak = 0, by_rows = 0;
  for (int i = 0; i < 150; ++i) {
    const ConvShape s = random_depthwise(random);
    const std::int64_t m = s.batch * s.out_height * s.out_width, n = s.out_channels,
                       taps = s.kernel_height * s.kernel_width;
    const auto in = random.array<std::uint8_t>(elements(s), 0, 255);
    const auto w = random.array<std::uint8_t>(n * taps, 0, 255);
    const int zero_point = static_cast<int>(random.in(0, 255)), flip = random.one_in(2) ? 0x80 : 0;
    RandomEpilogue epilogue(random, m, n, true, 9000.0f * std::sqrt(static_cast<float>(taps)));
    if (random.one_in(2)) finish_in_registers(random, epilogue);
    const std::vector<std::int32_t> w_zero_point = epilogue.weight_zero_point;
    epilogue.e.weight_zero_point = nullptr;
    auto expected = epilogue.out;
    Epilogue e = epilogue.e;
    e.out = expected.data();
    for (std::int64_t r = 0; r < m; ++r) {
      std::vector<std::int32_t> sums;
      for (std::int64_t c = 0; c < n; ++c) {
        const auto column = static_cast<std::size_t>(c);
        std::int32_t sum = e.bias_s32 == nullptr ? 0 : e.bias_s32[c];
        testing::each_product(s, r / s.out_width / s.out_height, r / s.out_width % s.out_height, r % s.out_width, c,
                              [&](std::int64_t at, std::int64_t weight) {
                                const int value = static_cast<std::int8_t>(w[static_cast<std::size_t>(weight)] ^ flip);
                                sum += (in[static_cast<std::size_t>(at)] - zero_point) *
                                       (value - (w_zero_point.empty() ? 0 : w_zero_point[column]));
                              });
        sums.push_back(sum);
      }
      finish_reference_s32(e, sums.data(), static_cast<int>(n), {&r, 0, 1, static_cast<int>(n)});
    }
    weak += testing::variety(expected) < 4 && m * n > 16;
    for (const IgemmKernel* kernel : runnable(depthwise_u8s8_table(), simulated_depthwise_u8s8())) {
      if (!depthwise_fits(*kernel, s) || (kernel->rows != nullptr && !w_zero_point.empty())) continue;
      by_rows += kernel->rows != nullptr;
      SCOPED_TRACE(std::string(kernel->name) + " " + testing::describe(s));
      Block packed(packed_bytes_depthwise_u8s8(*kernel, s)), scratch(scratch_bytes_depthwise_u8s8(*kernel, s));
      pack_depthwise_u8s8(*kernel, s, w.data(), w_zero_point.empty() ? nullptr : w_zero_point.data(), packed.data(),
                          flip);
      std::fill(epilogue.out.begin(), epilogue.out.end(), static_cast<unsigned char>(0x5c));
      depthwise_u8s8(*kernel, s, in.data(), zero_point, packed.data(), epilogue.e, scratch.data(), pool);
      ASSERT_EQ(epilogue.out, expected);
      ASSERT_TRUE(packed.guard_intact() && scratch.guard_intact());
    }
  }
  EXPECT_LT(weak, 15u);
  EXPECT_GT(by_rows, 100u);
}

TEST(DepthwiseF32, EveryKernelEqualsTheDefinition) {
  Random random(29);
  ThreadPool pool(2);
  std::size_t by_rows = 0;
  for (int i = 0; i < 150; ++i) {
    const ConvShape s = random_depthwise(random);
    const std::int64_t m = s.batch * s.out_height * s.out_width, n = s.out_channels,
                       taps = s.kernel_height * s.kernel_width;
    const auto in = random.array<float>(elements(s), -1, 1), w = random.array<float>(n * taps, -1, 1);
    const auto bias = random.array<float>(n, -1, 1);
    for (const IgemmKernel* kernel : runnable(depthwise_f32_table(), simulated_depthwise_f32())) {
      if (!depthwise_fits(*kernel, s)) continue;
      by_rows += kernel->rows != nullptr;
      SCOPED_TRACE(std::string(kernel->name) + " " + testing::describe(s));
      Block packed(packed_bytes_depthwise_f32(*kernel, s)), scratch(scratch_bytes_depthwise_f32(*kernel, s));
      std::vector<float> out(static_cast<std::size_t>(m * n), -99);
      pack_depthwise_f32(*kernel, s, w.data(), packed.data());
      depthwise_f32(*kernel, s, in.data(), packed.data(),
                    {.bias_f32 = bias.data(), .activation = Activation::relu, .out = out.data(), .out_stride = n},
                    scratch.data(), pool);
      for (std::int64_t r = 0; r < m; ++r) {
        for (std::int64_t c = 0; c < n; ++c) {
          double sum = bias[static_cast<std::size_t>(c)];
          testing::each_product(s, r / s.out_width / s.out_height, r / s.out_width % s.out_height, r % s.out_width, c,
                                [&](std::int64_t at, std::int64_t weight) {
                                  sum += static_cast<double>(in[static_cast<std::size_t>(at)]) *
                                         w[static_cast<std::size_t>(weight)];
                                });
          ASSERT_NEAR(out[static_cast<std::size_t>(r * n + c)], std::max(0.0, sum), 1e-5);
        }
      }
      ASSERT_TRUE(packed.guard_intact() && scratch.guard_intact());
    }
  }
  EXPECT_GT(by_rows, 60u);
}

}  // namespace
}  // namespace octet::kernels
