#include "octet/kernels/igemm_f32/igemm_f32.h"

#include <gtest/gtest.h>

#include "octet/kernels/igemm/testing.h"
#include "octet/kernels/simulate/simulated.h"

namespace octet::kernels {
namespace {

using testing::Block;
using testing::Random;
using testing::RandomEpilogue;

std::vector<const IgemmKernel*> runnable() {
  std::vector<const IgemmKernel*> kernels = simulated_igemm_f32();
  for (const IgemmKernel* kernel : igemm_f32_table()) {
    if (cpu_supports(kernel->isa)) kernels.push_back(kernel);
  }
  return kernels;
}

// Outputs of f32 within a rounding of the sums; bytes within one step (a lookup table is left out).
void expect_close(const RandomEpilogue& epilogue, const std::vector<unsigned char>& expected, float tolerance) {
  if (epilogue.e.out_type != Cell::f32) {
    std::size_t off = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
      const int step = static_cast<std::int8_t>(static_cast<unsigned char>(expected[i] - epilogue.out[i]));
      ASSERT_LE(std::abs(step), 1) << "byte " << i;
      off += step != 0;
    }
    EXPECT_LE(off, 2 + expected.size() / 50);
    return;
  }
  for (std::size_t i = 0; i < expected.size(); i += 4) {
    float got, want;
    std::memcpy(&got, &epilogue.out[i], 4);
    std::memcpy(&want, &expected[i], 4);
    ASSERT_NEAR(got, want, tolerance * (1 + std::abs(want))) << "element " << i / 4;
  }
}

TEST(IgemmF32, ConvolutionsOfEveryKernelEqualTheDefinition) {
  Random random(5);
  ThreadPool pool(2);
  for (int i = 0; i < 150; ++i) {
    const ConvShape s = random.one_in(3) ? testing::random_padded_conv(random) : testing::random_conv(random);
    const std::int64_t m = s.batch * s.out_height * s.out_width, n = s.out_channels;
    const std::int64_t in_stride = s.in_stride == 0 ? s.in_channels : s.in_stride, k = s.in_channels / s.groups;
    const auto in = random.array<float>(s.batch * s.in_height * s.in_width * in_stride, -1, 1);
    const auto w = random.array<float>(n * k * s.kernel_height * s.kernel_width, -1, 1);
    RandomEpilogue epilogue(random, m, n, false,
                            0.4f * std::sqrt(static_cast<float>(k * s.kernel_height * s.kernel_width)));
    epilogue.e.lookup = nullptr;
    auto expected = epilogue.out;
    Epilogue e = epilogue.e;
    e.out = expected.data();
    for (std::int64_t r = 0; r < m; ++r) {
      std::vector<float> sums;
      for (std::int64_t c = 0; c < n; ++c) {
        double sum = 0;
        const std::int64_t b = r / s.out_width / s.out_height, oy = r / s.out_width % s.out_height,
                           ox = r % s.out_width;
        testing::each_product(s, b, oy, ox, c, [&](std::int64_t at, std::int64_t weight) {
          sum += static_cast<double>(in[static_cast<std::size_t>(at)]) * w[static_cast<std::size_t>(weight)];
        });
        sums.push_back(static_cast<float>(sum));
      }
      finish_reference_f32(e, sums.data(), static_cast<int>(n), {&r, 0, 1, static_cast<int>(n)});
    }
    for (const IgemmKernel* kernel : runnable()) {
      SCOPED_TRACE(std::string(kernel->name) + " " + testing::describe(s));
      Block packed(packed_bytes_f32(*kernel, s)), scratch(scratch_bytes_f32(*kernel, s));
      pack_conv_f32(*kernel, s, w.data(), packed.data());
      const PreparedConv rows = prepare_conv_f32(*kernel, s, static_cast<int>(random.in(1, 2)));
      for (const PreparedConv* found : {static_cast<const PreparedConv*>(nullptr), &rows}) {
        std::fill(epilogue.out.begin(), epilogue.out.end(), static_cast<unsigned char>(0x5c));
        conv_f32(*kernel, s, in.data(), packed.data(), epilogue.e, scratch.data(), pool, found);
        expect_close(epilogue, expected, 2e-5f);
      }
      ASSERT_TRUE(packed.guard_intact() && scratch.guard_intact());
      if (HasFailure()) return;
    }
  }
}

TEST(IgemmF32, ProductsOfEveryKernelEqualTheDefinition) {
  Random random(13);
  ThreadPool pool(2);
  for (int i = 0; i < 150; ++i) {
    const GemmShape s = testing::random_gemm(random);
    const auto a = random.array<float>(s.m * s.lda, -1, 1), w = random.array<float>(s.n * s.k, -1, 1);
    RandomEpilogue epilogue(random, s.m, s.n, false, 0.4f * std::sqrt(static_cast<float>(s.k)));
    epilogue.e.lookup = nullptr;
    auto expected = epilogue.out;
    Epilogue e = epilogue.e;
    e.out = expected.data();
    for (std::int64_t m = 0; m < s.m; ++m) {
      std::vector<float> sums;
      for (std::int64_t n = 0; n < s.n; ++n) {
        double sum = 0;
        for (std::int64_t k = 0; k < s.k; ++k) {
          sum += static_cast<double>(a[static_cast<std::size_t>(m * s.lda + k)]) *
                 w[static_cast<std::size_t>(k * s.b_k_stride + n * s.b_n_stride)];
        }
        sums.push_back(static_cast<float>(sum));
      }
      finish_reference_f32(e, sums.data(), static_cast<int>(s.n), {&m, 0, 1, static_cast<int>(s.n)});
    }
    for (const IgemmKernel* kernel : runnable()) {
      SCOPED_TRACE(std::string(kernel->name) + " " + testing::describe(s));
      Block scratch(matmul_scratch_bytes_f32(*kernel, s));
      std::fill(epilogue.out.begin(), epilogue.out.end(), static_cast<unsigned char>(0x5c));
      matmul_f32(*kernel, s, a.data(), w.data(), epilogue.e, scratch.data(), pool);
      expect_close(epilogue, expected, 2e-5f);
      ASSERT_TRUE(scratch.guard_intact());
      if (HasFailure()) return;
    }
  }
}

TEST(IgemmF32, TheNumberOfThreadsChangesNoBit) {
  Random random(17);
  const GemmShape s{.m = 130, .n = 150, .k = 301, .b_k_stride = 150};
  const auto a = random.array<float>(s.m * s.k, -1, 1), b = random.array<float>(s.k * s.n, -1, 1);
  ThreadPool one(1), two(2);
  for (const IgemmKernel* kernel : runnable()) {
    Block scratch(matmul_scratch_bytes_f32(*kernel, s));
    std::vector<float> out1(static_cast<std::size_t>(s.m * s.n)), out2 = out1;
    matmul_f32(*kernel, s, a.data(), b.data(), {.out = out1.data(), .out_stride = s.n}, scratch.data(), one);
    matmul_f32(*kernel, s, a.data(), b.data(), {.out = out2.data(), .out_stride = s.n}, scratch.data(), two);
    EXPECT_EQ(std::memcmp(out1.data(), out2.data(), out1.size() * 4), 0) << kernel->name;
  }
}

TEST(IgemmF32, NanComesThroughARelu) {
  ThreadPool pool(1);
  const GemmShape s{.m = 1, .n = 9, .k = 1, .b_k_stride = 9};
  const float a[] = {1};
  std::vector<float> b(9, -1);
  b[3] = NAN;
  for (const IgemmKernel* kernel : runnable()) {
    Block scratch(matmul_scratch_bytes_f32(*kernel, s));
    std::vector<float> out(9, 7);
    matmul_f32(*kernel, s, a, b.data(), {.activation = Activation::relu, .out = out.data(), .out_stride = 9},
               scratch.data(), pool);
    EXPECT_TRUE(std::isnan(out[3])) << kernel->name;
    EXPECT_EQ(out[8], 0) << kernel->name;
  }
}

}  // namespace
}  // namespace octet::kernels
