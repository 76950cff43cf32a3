#include "octet/quant/rounding/compensate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "octet/base/random.h"

namespace octet::quant {
namespace {

struct Problem {
  std::int64_t rows, k, count;
  std::vector<float> w, scales, x;  // x [k][count]
};

// Inputs that go together: a few common causes behind all of them, as in a network after a ReLU.
Problem random_problem(std::int64_t rows, std::int64_t k, std::int64_t count, std::uint64_t seed) {
  Random random(seed);
  Problem p{rows, k, count, {}, {}, {}};
  std::vector<float> causes(static_cast<std::size_t>(3 * count)), mix(static_cast<std::size_t>(3 * k));
  for (float& v : causes) v = random.uniform(0, 1);
  for (float& v : mix) v = random.uniform(0, 1);
  for (std::int64_t i = 0; i < k; ++i) {
    for (std::int64_t n = 0; n < count; ++n) {
      float v = 0.2F * random.uniform(-1, 1);
      for (std::int64_t c = 0; c < 3; ++c)
        v += mix[static_cast<std::size_t>(c * k + i)] * causes[static_cast<std::size_t>(c * count + n)];
      p.x.push_back(v);
    }
  }
  for (std::int64_t r = 0; r < rows; ++r) {
    float largest = 0;
    for (std::int64_t i = 0; i < k; ++i) {
      p.w.push_back(random.uniform(-1, 1));
      largest = std::max(largest, std::abs(p.w.back()));
    }
    p.scales.push_back(largest / 7);  // few steps, so that rounding counts
  }
  return p;
}

double output_error(const Problem& p, const std::vector<std::int8_t>& q) {
  double sum = 0;
  for (std::int64_t r = 0; r < p.rows; ++r) {
    for (std::int64_t n = 0; n < p.count; ++n) {
      double error = 0;
      for (std::int64_t i = 0; i < p.k; ++i) {
        const auto at = static_cast<std::size_t>(r * p.k + i);
        error += (double{p.w[at]} - double{p.scales[static_cast<std::size_t>(r)]} * q[at]) *
                 double{p.x[static_cast<std::size_t>(i * p.count + n)]};
      }
      sum += error * error;
    }
  }
  return sum;
}

std::vector<std::int8_t> rounded(const Problem& p, const SecondMoments& moments, ThreadPool& threads) {
  std::vector<std::int8_t> q(p.w.size());
  round_compensated(moments, p.w.data(), p.scales, 7, q.data(), threads);
  return q;
}

std::vector<std::int8_t> nearest(const Problem& p) {
  std::vector<std::int8_t> q;
  for (std::size_t i = 0; i < p.w.size(); ++i) {
    q.push_back(static_cast<std::int8_t>(std::nearbyint(p.w[i] / p.scales[i / static_cast<std::size_t>(p.k)])));
  }
  return q;
}

TEST(CompensatedRounding, ErrorsCancelOnTheInputsSeen) {
  ThreadPool threads(2);
  for (const std::int64_t k : {4, 9, 33, 150}) {
    const Problem p = random_problem(13, k, 400, static_cast<std::uint64_t>(k));
    SecondMoments moments(k);
    moments.add(p.x.data(), p.count, threads);
    EXPECT_EQ(moments.count(), 400);
    const double error = output_error(p, rounded(p, moments, threads)), plain = output_error(p, nearest(p));
    EXPECT_LT(error, plain * (k > 9 ? 0.5 : 1.0)) << k;
  }
}

TEST(CompensatedRounding, NoInputsIsRoundingToNearest) {
  ThreadPool threads(1);
  const Problem p = random_problem(5, 21, 1, 3);
  EXPECT_EQ(rounded(p, SecondMoments(21), threads), nearest(p));
}

TEST(CompensatedRounding, InputsThatAreZeroLeaveTheirWeightsAtTheNearest) {
  ThreadPool threads(1);
  Problem p = random_problem(4, 6, 50, 5);
  for (std::int64_t n = 0; n < p.count; ++n) p.x[static_cast<std::size_t>(2 * p.count + n)] = 0;
  SecondMoments moments(p.k);
  moments.add(p.x.data(), p.count, threads);
  const auto q = rounded(p, moments, threads), plain = nearest(p);
  for (std::size_t r = 0; r < 4; ++r) EXPECT_EQ(q[r * 6 + 2], plain[r * 6 + 2]);
}

TEST(CompensatedRounding, ManyInputsAreCutInBlocks) {
  const SecondMoments moments(2500);
  ASSERT_EQ(moments.blocks().size(), 3U);
  std::int64_t end = 0;
  for (const auto& block : moments.blocks()) {
    EXPECT_EQ(block.begin, end);
    EXPECT_EQ(static_cast<std::int64_t>(block.sum.size()), block.size * block.size);
    end += block.size;
  }
  EXPECT_EQ(end, 2500);
}

TEST(CompensatedRounding, ThreadsChangeNothing) {
  ThreadPool one(1), two(2);
  const Problem p = random_problem(40, 64, 300, 9);
  SecondMoments a(p.k), b(p.k);
  a.add(p.x.data(), p.count, one);
  b.add(p.x.data(), p.count, two);
  EXPECT_EQ(rounded(p, a, one), rounded(p, b, two));
}

}  // namespace
}  // namespace octet::quant
