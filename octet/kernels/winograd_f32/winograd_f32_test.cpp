#include "octet/kernels/winograd_f32/winograd_f32.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

#include "octet/kernels/weight_grad_f32/weight_grad_f32.h"
#include "octet/kernels/winograd_f32/weight_grad.h"

namespace octet::kernels {
namespace {

std::vector<float> random_floats(std::mt19937& random, std::int64_t count) {
  std::vector<float> out(static_cast<std::size_t>(count));
  for (float& v : out) v = static_cast<float>(random() & 0xffff) / 32768.0f - 1;
  return out;
}

// Against the sum of nine products in double, on every instruction set that runs here.
TEST(Winograd, IsTheConvolution) {
  std::mt19937 random(3);
  ThreadPool two(2);
  const ConvShape shapes[] = {
      {.batch = 2,
       .in_height = 8,
       .in_width = 8,
       .in_channels = 16,
       .out_height = 8,
       .out_width = 8,
       .out_channels = 16,
       .kernel_height = 3,
       .kernel_width = 3,
       .pad_top = 1,
       .pad_left = 1},
      {.batch = 1,
       .in_height = 7,
       .in_width = 9,
       .in_channels = 32,
       .out_height = 7,
       .out_width = 9,
       .out_channels = 48,
       .kernel_height = 3,
       .kernel_width = 3,
       .pad_top = 1,
       .pad_left = 1},
      {.batch = 3,
       .in_height = 21,
       .in_width = 33,
       .in_channels = 64,
       .out_height = 19,
       .out_width = 31,
       .out_channels = 64,
       .kernel_height = 3,
       .kernel_width = 3},
      {.batch = 1,
       .in_height = 5,
       .in_width = 5,
       .in_channels = 16,
       .out_height = 7,
       .out_width = 7,
       .out_channels = 80,
       .kernel_height = 3,
       .kernel_width = 3,
       .pad_top = 2,
       .pad_left = 2},
  };
  for (const ConvShape& s : shapes) {
    ASSERT_TRUE(winograd_fits(s));
    const auto in = random_floats(random, s.batch * s.in_height * s.in_width * s.in_channels);
    const auto w = random_floats(random, s.out_channels * s.in_channels * 9);
    const auto bias = random_floats(random, s.out_channels);
    const std::int64_t pixels = s.batch * s.out_height * s.out_width;
    const auto residual = random_floats(random, pixels * s.out_channels);
    std::vector<char> packed(static_cast<std::size_t>(winograd_packed_bytes(s))),
        scratch(static_cast<std::size_t>(winograd_scratch_bytes(s)));
    pack_winograd_f32(s, w.data(), packed.data(), two);
    for (const WinogradKernel* kernel : winograd_table()) {
      if (!isa_allowed(kernel->isa)) continue;
      std::vector<float> out(residual.size(), -7);
      Epilogue e;
      e.bias_f32 = bias.data();
      e.residual = residual.data();
      e.residual_stride = e.out_stride = s.out_channels;
      e.activation = Activation::relu;
      e.out = out.data();
      winograd_f32(*kernel, s, in.data(), packed.data(), e, scratch.data());
      const auto value = [](const std::vector<float>& v, std::int64_t i) {
        return static_cast<double>(v[static_cast<std::size_t>(i)]);
      };
      for (std::int64_t p = 0; p < pixels; ++p) {
        const std::int64_t b = p / (s.out_height * s.out_width), y = p / s.out_width % s.out_height,
                           x = p % s.out_width;
        for (std::int64_t oc = 0; oc < s.out_channels; oc += 5) {
          double sum = value(bias, oc) + value(residual, p * s.out_channels + oc);
          for (std::int64_t t = 0; t < 9; ++t) {
            const std::int64_t iy = y + t / 3 - s.pad_top, ix = x + t % 3 - s.pad_left;
            if (iy < 0 || iy >= s.in_height || ix < 0 || ix >= s.in_width) continue;
            for (std::int64_t c = 0; c < s.in_channels; ++c) {
              sum += value(in, ((b * s.in_height + iy) * s.in_width + ix) * s.in_channels + c) *
                     value(w, (oc * s.in_channels + c) * 9 + t);
            }
          }
          ASSERT_NEAR(value(out, p * s.out_channels + oc), std::max(0.0, sum), 3e-4)
              << kernel->name << " pixel " << p << " channel " << oc;
        }
      }
    }
  }
}

// Against the direct form of the plain reference; the same bits for any number of threads.
TEST(Winograd, GradientOfTheWeights) {
  std::mt19937 random(5);
  const ConvShape shapes[] = {
      {.batch = 9,
       .in_height = 8,
       .in_width = 8,
       .in_channels = 16,
       .out_height = 8,
       .out_width = 8,
       .out_channels = 16,
       .kernel_height = 3,
       .kernel_width = 3,
       .pad_top = 1,
       .pad_left = 1},
      {.batch = 2,
       .in_height = 21,
       .in_width = 33,
       .in_channels = 48,
       .out_height = 21,
       .out_width = 33,
       .out_channels = 80,
       .kernel_height = 3,
       .kernel_width = 3,
       .pad_top = 1,
       .pad_left = 1},
      {.batch = 1,
       .in_height = 7,
       .in_width = 9,
       .in_channels = 32,
       .out_height = 5,
       .out_width = 7,
       .out_channels = 64,
       .kernel_height = 3,
       .kernel_width = 3},
  };
  ThreadPool one(1), two(2);
  for (const ConvShape& s : shapes) {
    const auto x = random_floats(random, s.batch * s.in_height * s.in_width * s.in_channels);
    const auto dy = random_floats(random, s.batch * s.out_height * s.out_width * s.out_channels);
    const auto count = static_cast<std::size_t>(s.out_channels * s.in_channels * 9);
    const WeightGradKernel& plain = *weight_grad_table().back();
    std::vector<char> memory(static_cast<std::size_t>(weight_grad_scratch_bytes(plain, s))),
        scratch(static_cast<std::size_t>(winograd_weight_grad_scratch(s)));
    std::vector<float> expected(count), dw(count), again(count);
    conv_weight_grad_f32(plain, s, x.data(), dy.data(), expected.data(), memory.data(), one);
    for (const WinogradKernel* kernel : winograd_table()) {
      if (!isa_allowed(kernel->isa)) continue;
      winograd_weight_grad_f32(*kernel, s, x.data(), dy.data(), dw.data(), scratch.data(), one);
      winograd_weight_grad_f32(*kernel, s, x.data(), dy.data(), again.data(), scratch.data(), two);
      EXPECT_EQ(dw, again) << kernel->name;
      for (std::size_t i = 0; i < count; ++i) ASSERT_NEAR(dw[i], expected[i], 5e-4) << kernel->name << " element " << i;
    }
  }
}

}  // namespace
}  // namespace octet::kernels
