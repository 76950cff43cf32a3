#include "octet/kernels/igemm_u8s8/igemm_u8s8.h"

#include <gtest/gtest.h>

#include "octet/kernels/igemm/conv_plan.h"
#include "octet/kernels/igemm/testing.h"
#include "octet/kernels/igemm_u8s8/kernels.h"
#include "octet/kernels/simulate/simulated.h"

namespace octet::kernels {
namespace {

using testing::Block;
using testing::Random;
using testing::RandomEpilogue;

// Every kernel that this machine can run, and those that it cannot, emulated.
std::vector<const IgemmKernel*> runnable() {
  std::vector<const IgemmKernel*> kernels = simulated_igemm_u8s8();
  for (const IgemmKernel* kernel : igemm_u8s8_table()) {
    if (cpu_supports(kernel->isa)) kernels.push_back(kernel);
  }
  kernels.push_back(&igemm_u8s8_reference_wide);
  return kernels;
}

// Weights of any size; mostly small ones, so that a narrow kernel serves them with a few corrections; small ones only.
std::vector<std::int8_t> random_weights(Random& random, std::int64_t count) {
  const auto kind = random.in(0, 2);
  if (kind == 0) return random.array<std::int8_t>(count, -128, 127);
  auto w = random.array<std::int8_t>(count, -32, 32);
  for (std::int8_t& v : w) {
    if (kind == 1 && random.one_in(8)) v = random.one_in(2) ? 127 : -128;
  }
  return w;
}

// Numbers of the whole range, or extremes.
std::vector<std::uint8_t> random_activations(Random& random, std::int64_t count) {
  auto a = random.array<std::uint8_t>(count, 0, 255);
  if (random.one_in(3)) {
    for (std::uint8_t& v : a) v = v < 30 ? 0 : 255;
  }
  return a;
}

// The answer by definition: sums given, rows m0... of one product.
void finish_expected(Epilogue e, const std::vector<std::int64_t>& sums, const std::vector<std::int32_t>& row_sums,
                     std::int64_t n, void* out) {
  e.out = out;
  e.row_sum = row_sums.data();
  const auto rows = static_cast<std::int64_t>(row_sums.size());
  for (std::int64_t m = 0; m < rows; ++m) {
    std::vector<std::int64_t> row(sums.begin() + m * n, sums.begin() + (m + 1) * n);
    for (std::int64_t c = 0; c < n && e.bias_s32 != nullptr; ++c) row[static_cast<std::size_t>(c)] += e.bias_s32[c];
    finish_reference_s64(e, row.data(), static_cast<int>(n), {&m, 0, 1, static_cast<int>(n)});
  }
}

// A stem on a picture: three rows of few channels fold into one tap.
ConvShape random_stem(Random& random) {
  ConvShape s{.batch = random.in(1, 2), .in_channels = random.in(1, 3), .kernel_height = 3};
  s.out_channels = random.in(8, 40);
  s.kernel_width = random.in(2, 5);
  s.stride_h = random.in(1, 3);
  s.stride_w = random.in(1, 3);
  s.pad_top = random.in(0, 3);
  s.pad_left = random.in(0, 3);
  s.in_height = random.in(1, 12);
  s.in_width = random.in(1, 30);
  s.out_height = random.in(1, 6);
  s.out_width = random.in(1, 12);
  return s;
}

TEST(IgemmU8S8, ConvolutionsOfEveryKernelEqualTheDefinition) {
  Random random(7);
  ThreadPool pool(2);
  std::size_t weak = 0;
  int narrow = 0;
  constexpr int kCases = 200;
  int in_place = 0;
  for (int i = 0; i < kCases; ++i) {
    const ConvShape s = random.one_in(5)   ? random_stem(random)
                        : random.one_in(3) ? testing::random_padded_conv(random)
                                           : testing::random_conv(random);
    const std::int64_t m = s.batch * s.out_height * s.out_width, n = s.out_channels;
    const std::int64_t in_stride = s.in_stride == 0 ? s.in_channels : s.in_stride, k = s.in_channels / s.groups;
    const auto in = random_activations(random, s.batch * s.in_height * s.in_width * in_stride);
    const auto w = random_weights(random, n * k * s.kernel_height * s.kernel_width);
    // Taps in padding of zero are left out.
    const int zero_point = random.one_in(2) ? 0 : static_cast<int>(random.in(0, 255));
    RandomEpilogue epilogue(random, m, n, true,
                            9000.0f * std::sqrt(static_cast<float>(k * s.kernel_height * s.kernel_width)));
    epilogue.e.weight_zero_point = nullptr;  // row sums differ from group to group: the next test
    std::vector<std::int64_t> sums;
    for (std::int64_t r = 0; r < m; ++r) {
      for (std::int64_t c = 0; c < n; ++c) {
        std::int64_t sum = 0;
        const std::int64_t b = r / s.out_width / s.out_height, oy = r / s.out_width % s.out_height,
                           ox = r % s.out_width;
        testing::each_product(s, b, oy, ox, c, [&](std::int64_t at, std::int64_t weight) {
          sum += (in[static_cast<std::size_t>(at)] - zero_point) * w[static_cast<std::size_t>(weight)];
        });
        sums.push_back(sum);
      }
    }
    auto expected = epilogue.out;
    finish_expected(epilogue.e, sums, std::vector<std::int32_t>(static_cast<std::size_t>(m)), n, expected.data());
    weak += testing::variety(expected) < 4 && m * n > 16;
    for (const IgemmKernel* kernel : runnable()) {
      SCOPED_TRACE(std::string(kernel->name) + " " + testing::describe(s));
      if (!serves_u8s8(*kernel, s, w.data())) continue;
      narrow += kernel->narrow != nullptr;
      in_place += zero_point == 0 && reads_in_place(*kernel, s);
      Block packed(packed_bytes_u8s8(*kernel, s)), scratch(scratch_bytes_u8s8(*kernel, s));
      pack_conv_u8s8(*kernel, s, w.data(), packed.data());
      // Rows found as it goes, beforehand, and beforehand for another zero point or number of threads.
      const PreparedConv rows = prepare_conv_u8s8(*kernel, s, zero_point, 2);
      const PreparedConv others = prepare_conv_u8s8(*kernel, s, 1 - zero_point, random.one_in(2) ? 1 : 2);
      for (const PreparedConv* found : {static_cast<const PreparedConv*>(nullptr), &rows, &others}) {
        std::fill(epilogue.out.begin(), epilogue.out.end(), static_cast<unsigned char>(0x5c));
        conv_u8s8(*kernel, s, in.data(), zero_point, packed.data(), epilogue.e, scratch.data(), pool, found);
        ASSERT_EQ(epilogue.out, expected);
      }
      ASSERT_TRUE(packed.guard_intact() && scratch.guard_intact());
    }
  }
  EXPECT_LT(weak, kCases / 10);
  if (cpu_supports(Isa::avx2)) {
    EXPECT_GT(narrow, kCases / 3);
  }
  if (cpu_supports(Isa::avx512_vnni)) {
    EXPECT_GT(in_place, kCases / 4);
  }
}

TEST(IgemmU8S8, ProductsOfEveryKernelEqualTheDefinition) {
  Random random(11);
  ThreadPool pool(2);
  for (int i = 0; i < 150; ++i) {
    GemmShape s = testing::random_gemm(random);
    const int zero_point = static_cast<int>(random.in(0, 255)), flip = random.one_in(2) ? 0x80 : 0;
    const auto a = random_activations(random, s.m * s.lda);
    auto w = random_weights(random, s.n * s.k);
    for (std::int8_t& v : w) v = static_cast<std::int8_t>(v ^ flip);
    RandomEpilogue epilogue(random, s.m, s.n, true, 9000.0f * std::sqrt(static_cast<float>(s.k)));
    std::vector<std::int64_t> sums;
    std::vector<std::int32_t> row_sums;
    for (std::int64_t m = 0; m < s.m; ++m) {
      std::int32_t row_sum = 0;
      for (std::int64_t k = 0; k < s.k; ++k) row_sum += a[static_cast<std::size_t>(m * s.lda + k)] - zero_point;
      row_sums.push_back(row_sum);
      for (std::int64_t n = 0; n < s.n; ++n) {
        std::int64_t sum = 0;
        for (std::int64_t k = 0; k < s.k; ++k) {
          const auto byte = w[static_cast<std::size_t>(k * s.b_k_stride + n * s.b_n_stride)];
          sum += (a[static_cast<std::size_t>(m * s.lda + k)] - zero_point) * static_cast<std::int8_t>(byte ^ flip);
        }
        sums.push_back(sum);
      }
    }
    auto expected = epilogue.out;
    finish_expected(epilogue.e, sums, row_sums, s.n, expected.data());
    for (const IgemmKernel* kernel : runnable()) {
      SCOPED_TRACE(std::string(kernel->name) + " " + testing::describe(s));
      if (!serves_u8s8(*kernel, s, w.data(), flip)) continue;
      Block packed(packed_bytes_u8s8(*kernel, s)), scratch(scratch_bytes_u8s8(*kernel, s));
      pack_gemm_u8s8(*kernel, s, w.data(), packed.data(), flip);
      std::fill(epilogue.out.begin(), epilogue.out.end(), static_cast<unsigned char>(0x5c));
      gemm_u8s8(*kernel, s, a.data(), zero_point, packed.data(), epilogue.e, scratch.data(), pool);
      ASSERT_EQ(epilogue.out, expected);
      Block scratch2(matmul_scratch_bytes_u8s8(*kernel, s));
      std::fill(epilogue.out.begin(), epilogue.out.end(), static_cast<unsigned char>(0x5c));
      matmul_u8s8(*kernel, s, a.data(), zero_point, w.data(), flip, epilogue.e, scratch2.data(), pool);
      ASSERT_EQ(epilogue.out, expected);
      ASSERT_TRUE(packed.guard_intact() && scratch.guard_intact() && scratch2.guard_intact());
    }
  }
}

TEST(IgemmU8S8, ExtremesDoNotSaturate) {
  ThreadPool pool(1);
  const GemmShape s{.m = 7, .n = 33, .k = 4001, .b_k_stride = 33};
  for (const auto& [value, zero_point, weight] :
       {std::tuple{255, 0, -128}, {255, 0, 127}, {0, 255, -128}, {255, 255, -128}}) {
    const std::vector<std::uint8_t> a(static_cast<std::size_t>(s.m * s.k), static_cast<std::uint8_t>(value));
    const std::vector<std::int8_t> w(static_cast<std::size_t>(s.n * s.k), static_cast<std::int8_t>(weight));
    for (const IgemmKernel* kernel : runnable()) {
      if (!serves_u8s8(*kernel, s, w.data())) continue;
      Block packed(packed_bytes_u8s8(*kernel, s)), scratch(scratch_bytes_u8s8(*kernel, s));
      std::vector<std::int32_t> out(static_cast<std::size_t>(s.m * s.n));
      pack_gemm_u8s8(*kernel, s, w.data(), packed.data());
      gemm_u8s8(*kernel, s, a.data(), zero_point, packed.data(),
                {.out = out.data(), .out_stride = s.n, .out_type = Cell::s32}, scratch.data(), pool);
      for (const std::int32_t sum : out) ASSERT_EQ(sum, (value - zero_point) * weight * s.k) << kernel->name;
    }
  }
}

TEST(IgemmU8S8, LongSumsAreExactInSixtyFourBits) {
  ThreadPool pool(1);
  const GemmShape s{.m = 1, .n = 2, .k = 70001, .b_k_stride = 2};
  const IgemmKernel& kernel = select_igemm_u8s8(s.n, s.k);
  const std::vector<std::uint8_t> a(static_cast<std::size_t>(s.k), 255);
  const std::vector<std::int8_t> w(static_cast<std::size_t>(2 * s.k), -128);
  Block packed(packed_bytes_u8s8(kernel, s)), scratch(scratch_bytes_u8s8(kernel, s));
  const float scale[] = {1, 1};
  float out[2];
  pack_gemm_u8s8(kernel, s, w.data(), packed.data());
  gemm_u8s8(kernel, s, a.data(), 0, packed.data(), {.scale = scale, .out = out, .out_stride = 2}, scratch.data(), pool);
  EXPECT_EQ(out[0], -255.0f * 128 * 70001);
  EXPECT_EQ(out[1], out[0]);
}

TEST(IgemmU8S8, ABatchOfProductsFindsItsMatrices) {
  // Attention: heads side by side in a row of A and C, B shared by the heads of one sentence.
  Random random(3);
  ThreadPool pool(2);
  const std::int64_t sentences = 2, heads = 3, m = 5, n = 18, k = 7;
  const GemmShape s{.m = m,
                    .n = n,
                    .k = k,
                    .lda = heads * k,
                    .b_k_stride = n,
                    .outer = sentences,
                    .inner = heads,
                    .a_stride = {m * heads * k, k},
                    .b_stride = {k * n, 0},
                    .c_stride = {m * heads * n, n}};
  const auto a = random.array<std::uint8_t>(sentences * m * heads * k, 0, 255);
  const auto b = random.array<std::int8_t>(sentences * k * n, -128, 127);
  for (const IgemmKernel* kernel : runnable()) {
    if (!serves_u8s8(*kernel, s, b.data())) continue;
    Block scratch(matmul_scratch_bytes_u8s8(*kernel, s));
    std::vector<std::int32_t> out(static_cast<std::size_t>(sentences * m * heads * n), -1);
    matmul_u8s8(*kernel, s, a.data(), 9, b.data(), 0,
                {.out = out.data(), .out_stride = heads * n, .out_type = Cell::s32}, scratch.data(), pool);
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(out.size()); ++i) {
      const std::int64_t sentence = i / (m * heads * n), row = i / (heads * n) % m, head = i / n % heads;
      std::int32_t sum = 0;
      for (std::int64_t j = 0; j < k; ++j) {
        sum += (a[static_cast<std::size_t>(((sentence * m + row) * heads + head) * k + j)] - 9) *
               b[static_cast<std::size_t>((sentence * k + j) * n + i % n)];
      }
      ASSERT_EQ(out[static_cast<std::size_t>(i)], sum) << kernel->name << " at " << i;
    }
  }
}

TEST(IgemmU8S8, SelectsByWidthAndKnowsItsLimit) {
  EXPECT_EQ(&select_igemm_u8s8(64, kExactProducts + 1), &igemm_u8s8_reference_wide);
  EXPECT_TRUE(isa_allowed(select_igemm_u8s8(64, 64).isa));
  EXPECT_LE(select_igemm_u8s8(8, 64).nr, 32);
  EXPECT_EQ(igemm_u8s8_table().back(), &igemm_u8s8_reference);
}

}  // namespace
}  // namespace octet::kernels
