#include "octet/kernels/igemm/narrow.h"

#include <gtest/gtest.h>

#include "octet/kernels/igemm/testing.h"
#include "octet/kernels/igemm_u8s8/igemm_u8s8.h"
#include "octet/kernels/igemm_u8s8/kernels.h"

namespace octet::kernels {
namespace {

using testing::Random;

// The sums of one sign of every four weights that a narrow kernel adds in 16 bits.
void expect_proved(const std::int8_t* panel, std::int64_t taps, std::int64_t steps, int nr) {
  for (std::int64_t i = 0; i < taps * steps; ++i) {
    const bool alone = i % steps % kJoinedSteps == 0 && i % steps + 1 == steps;
    if (i % steps % kJoinedSteps != 0) continue;
    for (int lane = 0; lane < nr * 2; ++lane) {
      int above = 0, below = 0;
      for (std::int64_t step = i; step < i + (alone ? 1 : kJoinedSteps); ++step) {
        for (const int j : {0, 1}) {
          const int w = panel[step * nr * 4 + lane * 2 + j];
          (w > 0 ? above : below) += w;
        }
      }
      ASSERT_LE(255 * above, 32767);
      ASSERT_GE(255 * below, -32768);
    }
  }
}

TEST(Narrow, SplitWeightsFitAndLoseNothing) {
  Random random(5);
  const IgemmKernel& kernel = igemm_u8s8_avx2_narrow;
  for (int i = 0; i < 200; ++i) {
    const std::int64_t taps = random.in(1, 4), steps = random.in(1, 9), size = taps * steps * kernel.nr * 4;
    const bool extreme = random.one_in(2);
    auto panel = random.array<std::int8_t>(size, -128, 127);
    for (std::int8_t& w : panel) {
      if (extreme) w = w < -60 ? -128 : w > 60 ? 127 : 0;
    }
    auto whole = panel;
    auto counted = panel;
    const std::int64_t count = split_weights(kernel, taps, steps, counted.data(), nullptr);
    expect_proved(counted.data(), taps, steps, kernel.nr);
    // Room for all: as many places as weights.
    std::vector<std::int32_t> place(static_cast<std::size_t>(correction_bytes(kernel, taps * steps) / 4));
    ASSERT_EQ(split_weights(kernel, taps, steps, panel.data(), place.data()), count);
    ASSERT_EQ(panel, counted);
    const Corrections corrections = corrections_of(kernel, place.data());
    ASSERT_EQ(corrections.ends[kernel.nr - 1], count);
    if (count > correction_room(kernel, taps * steps)) continue;
    for (std::int32_t c = 0, at = 0; c < kernel.nr; ++c) {
      for (; at < corrections.ends[c]; ++at) {
        const Correction& correction = corrections.list[at];
        const std::int64_t pair = correction.at / (kSpreadRows * 4);
        for (const int j : {0, 1}) {
          std::int8_t& w = panel[static_cast<std::size_t>((pair / 2 * kernel.nr + c) * 4 + pair % 2 * 2 + j)];
          w = static_cast<std::int8_t>(w + correction.weights[j]);
        }
      }
    }
    ASSERT_EQ(panel, whole);
  }
}

TEST(Narrow, ServesWhatFits) {
  const IgemmKernel& kernel = igemm_u8s8_avx2_narrow;
  const GemmShape s{.m = 64, .n = 20, .k = 128, .b_k_stride = 20};
  std::vector<std::int8_t> w(static_cast<std::size_t>(s.n * s.k), 32);
  EXPECT_TRUE(serves_u8s8(kernel, s, w.data()));
  if (&select_igemm_u8s8(s.n, s.k) == &igemm_u8s8_avx2) {
    EXPECT_EQ(&select_igemm_u8s8(s, fit_u8s8(s, w.data())), &kernel);
  }
  w[5] = 33;  // 33 + 3 * 32 = 129: a correction
  EXPECT_TRUE(serves_u8s8(kernel, s, w.data()));
  std::fill(w.begin(), w.end(), static_cast<std::int8_t>(127));
  EXPECT_FALSE(serves_u8s8(kernel, s, w.data()));
  EXPECT_NE(&select_igemm_u8s8(s, fit_u8s8(s, w.data())), &kernel);
}

TEST(Narrow, PaysForManyRowsAndFewCorrections) {
  EXPECT_TRUE(narrow_pays({.fits = true, .corrections = 0, .panels = 4, .steps = 1}, 1));
  EXPECT_TRUE(narrow_pays({.fits = true, .corrections = 400, .panels = 4, .steps = 128}, 64));
  EXPECT_FALSE(narrow_pays({.fits = true, .corrections = 400, .panels = 4, .steps = 128}, 1));
  EXPECT_FALSE(narrow_pays({.fits = false, .corrections = 0, .panels = 4, .steps = 128}, 64));
}

}  // namespace
}  // namespace octet::kernels
