// Whole tiles that finish in registers give what storing their sums and finishing those gives, whatever the epilogue.
#include <gtest/gtest.h>

#include <limits>
#include <numeric>

#include "octet/kernels/igemm/pack.h"
#include "octet/kernels/igemm/testing.h"
#include "octet/kernels/igemm_f32/igemm_f32.h"
#include "octet/kernels/igemm_u8s8/igemm_u8s8.h"
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
  std::erase_if(kernels, [](const IgemmKernel* kernel) { return kernel->fused == nullptr; });
  return kernels;
}

// The operands of tiles one below the other: random rows in memory, weights, what sums start from.
struct Tile {
  Tile(Random& random, const IgemmKernel& kernel, int tiles, std::int64_t taps, std::int64_t steps)
      : floats(kernel.a_bytes == 4),
        bytes(random.array<std::uint8_t>(8192, 0, 255)),
        numbers(random.array<float>(2048, -1, 1)),
        weights(random.array<std::int8_t>(column_sums_offset(kernel, taps, steps * kernel.kr), -128, 127)),
        number_weights(random.array<float>(taps * steps * kernel.nr, -1, 1)),
        init(random.array<std::int32_t>(kernel.nr, -100000, 100000)) {
    const char* a =
        floats ? reinterpret_cast<const char*>(numbers.data()) : reinterpret_cast<const char*>(bytes.data());
    for (int r = 0; r < tiles * kernel.mr; ++r) rows.push_back(4 * random.in(0, 200));
    for (std::int64_t t = 0; t < taps; ++t) offsets.push_back(4 * random.in(0, 300));
    args = {.a = a, .rows = rows.data(), .taps = offsets.data(), .tap_count = taps, .k_steps = steps};
    args.panel = floats ? static_cast<const void*>(number_weights.data()) : weights.data();
    args.init = floats ? nullptr : init.data();
  }
  bool floats;
  std::vector<std::uint8_t> bytes;
  std::vector<float> numbers;
  std::vector<std::int8_t> weights;
  std::vector<float> number_weights;
  std::vector<std::int32_t> init;
  std::vector<std::int64_t> rows;
  std::vector<std::int64_t> offsets;
  TileArgs args;
};

struct Counts {
  int fused = 0, bytes = 0, floats = 0, by_rows = 0, curves = 0;
};

// Takes away what seldom comes together with the rest: most random epilogues have something that needs stored sums.
void make_usual(Random& random, Epilogue& e) {
  if (random.one_in(4)) return;
  if (e.out_type != Cell::f32) e.out_type = Cell::u8;
  const Cell residual = e.out_type == Cell::f32 ? Cell::f32 : Cell::u8;
  if (e.residual_type != residual) e.residual = nullptr;
  if (e.row_scale == nullptr || e.weight_zero_point == nullptr || e.out_type == Cell::u8) {
    e.row_scale = nullptr;
    e.weight_zero_point = nullptr;
  }
  if (e.activation != Activation::hard_swish) {
    e.after_scale = 1;
    e.after_shift = -0.0f;
  }
  if (e.activation == Activation::curve && e.out_type == Cell::u8) {
    e.inv_scale = 1;
    e.residual = nullptr;
    return;
  }
  constexpr Activation kUsual[] = {Activation::none, Activation::relu, Activation::clamp};
  if (e.activation != Activation::hard_swish) e.activation = kUsual[random.in(0, 2)];
  if (e.activation == Activation::hard_swish && e.out_type == Cell::f32) e.residual = nullptr;
  if (random.one_in(2)) e.lookup = nullptr;
}

void compare(Random& random, const IgemmKernel& kernel, Counts& counts) {
  const std::int64_t taps = random.in(1, 3), steps = random.one_in(8) ? random.in(60, 250) : random.in(1, 12);
  const std::int64_t m = random.in(0, 3), n = random.in(0, 3) * 16;
  const int tiles = static_cast<int>(random.in(1, 3)), whole = tiles * kernel.mr;
  const Tile tile(random, kernel, tiles, taps, steps);
  const std::int64_t rows = m + whole, columns = n + kernel.nr;
  RandomEpilogue epilogue(random, rows, columns, kernel.a_bytes != 4,
                          9000.0f * std::sqrt(static_cast<float>(taps * steps * kernel.kr)));
  Epilogue& e = epilogue.e;
  std::vector<std::int32_t> row_sums = random.array<std::int32_t>(rows, -255, 255);
  if (e.weight_zero_point != nullptr) e.row_sum = row_sums.data();
  make_usual(random, e);
  const bool in_order = random.one_in(2);
  const FusedTiles both = kernel.fused(e, n);
  const FusedTile fused = in_order ? both.in_order : both.anywhere;
  if (fused == nullptr) return;
  counts.fused += 1;
  counts.bytes += e.out_type == Cell::u8;
  counts.floats += e.out_type == Cell::f32;
  counts.by_rows += e.row_scale != nullptr;
  counts.curves += e.activation == Activation::curve;
  std::vector<std::int64_t> order(static_cast<std::size_t>(rows));
  std::iota(order.begin(), order.end(), in_order ? m : 0);
  for (std::size_t i = 0; i < order.size() && !in_order; ++i)
    std::swap(order[i], order[static_cast<std::size_t>(random.in(0, rows - 1))]);
  const TileSpan span{order.data(), n, whole, kernel.nr};
  Block acc(std::int64_t{4} * whole * kernel.nr);
  TileArgs args = tile.args;
  for (int t = 0; t < tiles; ++t, args.rows += kernel.mr) {
    kernel.core(args, kernel.mr, static_cast<char*>(acc.data()) + std::int64_t{4} * t * kernel.mr * kernel.nr);
  }
  kernel.finish(e, acc.data(), span);
  const auto expected = epilogue.out;
  std::fill(epilogue.out.begin(), epilogue.out.end(), static_cast<unsigned char>(0x5c));
  fused(tile.args, e, span);
  ASSERT_EQ(epilogue.out, expected) << kernel.name;
}

TEST(FinishInRegisters, EqualsStoredSums) {
  Random random(21);
  Counts s32, f32;
  for (const IgemmKernel* kernel : runnable(igemm_u8s8_table(), simulated_igemm_u8s8())) {
    for (int i = 0; i < 400 && !HasFatalFailure(); ++i) compare(random, *kernel, s32);
  }
  for (const IgemmKernel* kernel : runnable(igemm_f32_table(), simulated_igemm_f32())) {
    for (int i = 0; i < 400 && !HasFatalFailure(); ++i) compare(random, *kernel, f32);
  }
  if (s32.fused + f32.fused == 0) GTEST_SKIP() << "no kernel of this build finishes in registers";
  EXPECT_GT(s32.bytes, 200);
  EXPECT_GT(s32.floats, 100);
  EXPECT_GT(s32.by_rows, 10);
  EXPECT_GT(s32.curves, 50);
  EXPECT_GT(f32.floats, 100);
}

// The curve that stands for Gelu before its result becomes a byte.
TEST(FinishInRegisters, CurveOfGelu) {
  constexpr int kCount = 40001;
  std::vector<std::int32_t> sums(kCount);
  std::vector<float> scale(kCount, 1e-3f * kGeluCurveSteps), shift(kCount, kGeluCurveShift), y(kCount);
  for (int i = 0; i < kCount; ++i) sums[static_cast<std::size_t>(i)] = i - kCount / 2;
  const Epilogue e{.scale = scale.data(),
                   .bias_f32 = shift.data(),
                   .activation = Activation::curve,
                   .curve = kGeluCurve[0],
                   .out = y.data(),
                   .out_stride = kCount};
  const std::int64_t row = 0;
  finish_reference_s32(e, sums.data(), kCount, {&row, 0, 1, kCount});
  for (int i = 0; i < kCount; ++i) {
    const double x = 1e-3 * sums[static_cast<std::size_t>(i)], gelu = x / 2 * std::erfc(-x / std::sqrt(2.0));
    ASSERT_NEAR(y[static_cast<std::size_t>(i)], gelu, kGeluCurveError) << x;
  }
}

// What is not proved to stay below 2^31 is left to the path that guards against it.
TEST(FinishInRegisters, LeavesWhatMightOverflow) {
  std::vector<float> scale(64, 0.01f), bias(64, 1.0f);
  std::vector<std::uint8_t> out(4096);
  const Epilogue small{
      .scale = scale.data(), .activation = Activation::relu, .out = out.data(), .out_stride = 64, .out_type = Cell::u8};
  for (const IgemmKernel* kernel : runnable(igemm_u8s8_table(), simulated_igemm_u8s8())) {
    EXPECT_NE(kernel->fused(small, 0).in_order, nullptr);
    for (const float wild : {0.3f, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
      scale[static_cast<std::size_t>(kernel->nr - 1)] = wild;
      EXPECT_EQ(kernel->fused(small, 0).in_order, nullptr) << kernel->name << " scale " << wild;
      scale[static_cast<std::size_t>(kernel->nr - 1)] = 0.01f;
      bias[0] = wild * 1e10f;
      Epilogue biased = small;
      biased.bias_f32 = bias.data();
      EXPECT_EQ(kernel->fused(biased, 0).in_order, nullptr) << kernel->name << " bias " << wild;
      bias[0] = 1;
      Epilogue steep = small;
      steep.inv_scale = wild * 1e3f;
      EXPECT_EQ(kernel->fused(steep, 0).in_order, nullptr) << kernel->name << " inv_scale " << wild;
    }
  }
}

}  // namespace
}  // namespace octet::kernels
