#include "octet/kernels/attention_s8/attention_s8.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "octet/kernels/igemm/testing.h"
#include "octet/kernels/simulate/simulated.h"

namespace octet::kernels {
namespace {

using testing::Random;

// A head and its queries, with gaps between rows.
struct Problem {
  AttentionHead head;
  AttentionQueries queries;
  std::vector<float> q, k, v, mask;

  Problem(Random& random, std::int64_t rows, std::int64_t keys, std::int64_t depth, std::int64_t width) {
    head = {.keys = keys, .depth = depth, .width = width};
    const bool across = random.one_in(3);
    head.k_stride = across ? 1 : depth + random.in(0, 3);
    head.k_step = across ? keys + 2 : 1;
    head.v_stride = across ? 1 : width + random.in(0, 3);
    head.v_step = across ? keys + 1 : 1;
    q = random.array<float>(rows * (depth + 2), -2, 2);
    k = random.array<float>((keys + 3) * (depth + 3), -2, 2);
    v = random.array<float>((keys + 3) * (width + 3), -1, 3);
    queries = {.q_stride = depth + 2, .rows = rows, .factor = random.real(0.1f, 1), .y_stride = width + 1};
    if (random.one_in(2)) {
      queries.mask_stride = random.one_in(2) ? keys : 0;
      mask = random.array<float>(rows * keys, -4, 4);
      for (float& m : mask) {
        if (random.one_in(4)) m = random.one_in(2) ? std::numeric_limits<float>::lowest() : -INFINITY;
      }
    }
  }

  std::vector<float> run(const AttentionS8Kernel& kernel) {
    head.k = k.data();
    head.v = v.data();
    queries.q = q.data();
    queries.mask = mask.empty() ? nullptr : mask.data();
    std::vector<float> y(static_cast<std::size_t>(queries.rows * queries.y_stride), 77.0f);
    queries.y = y.data();
    testing::Block packed(packed_bytes_attention_s8(head)), scratch(scratch_bytes_attention_s8());
    kernel.pack(head, packed.data());
    kernel.attend(head, packed.data(), queries, scratch.data());
    EXPECT_TRUE(packed.guard_intact() && scratch.guard_intact()) << kernel.name;
    return y;
  }

  // In double, by definition.
  std::vector<double> exactly(std::int64_t m) const {
    std::vector<double> x, y(static_cast<std::size_t>(head.width));
    double most = -INFINITY, sum = 0;
    for (std::int64_t s = 0; s < head.keys; ++s) {
      double dot = 0;
      for (std::int64_t d = 0; d < head.depth; ++d) {
        dot += double{q[static_cast<std::size_t>(m * queries.q_stride + d)]} *
               k[static_cast<std::size_t>(s * head.k_stride + d * head.k_step)];
      }
      const float added = mask.empty() ? 0 : mask[static_cast<std::size_t>(m * queries.mask_stride + s)];
      x.push_back(dot * queries.factor + added);
      most = std::max(most, x.back());
    }
    for (double& p : x) sum += p = std::exp(p - most);
    for (std::size_t s = 0; s < x.size(); ++s) {
      for (std::int64_t e = 0; e < head.width; ++e) {
        y[static_cast<std::size_t>(e)] +=
            x[s] / sum * v[s * static_cast<std::size_t>(head.v_stride) + static_cast<std::size_t>(e * head.v_step)];
      }
    }
    return y;
  }

  double magnitude(const std::vector<float>& x, std::int64_t at, std::int64_t step, std::int64_t count,
                   double& sum) const {
    double most = sum = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const double size = std::fabs(double{x[static_cast<std::size_t>(at + i * step)]});
      most = std::max(most, size);
      sum += size;
    }
    return most;
  }

  // Of an output's error, as the header has it: scores that are off by d move weights by e^(2 d) - 1 at most.
  double bound(std::int64_t m) const {
    double score = 0, value = 0, sum_q = 0, sum_k = 0, ignored = 0;
    const double qs = magnitude(q, m * queries.q_stride, 1, head.depth, sum_q) / 127;
    for (std::int64_t s = 0; s < head.keys; ++s) {
      const double ks = magnitude(k, s * head.k_stride, head.k_step, head.depth, sum_k) / 127;
      score = std::max(score,
                       queries.factor * (qs * sum_k + ks * sum_q + static_cast<double>(head.depth) * qs * ks / 2) / 2);
      value = std::max(value, magnitude(v, s * head.v_stride, head.v_step, head.width, ignored));
    }
    return value * (std::expm1(2 * score) + 1.0 / 254 + static_cast<double>(head.keys) / 15872 + 1e-4);
  }
};

// All that can run here, the reference last.
std::vector<const AttentionS8Kernel*> runnable() {
  std::vector<const AttentionS8Kernel*> kernels = simulated_attention_s8();
  for (const AttentionS8Kernel* kernel : attention_s8_table()) {
    if (cpu_supports(kernel->isa)) kernels.push_back(kernel);
  }
  return kernels;
}

void expect_same(const std::vector<float>& a, const std::vector<float>& b, const char* name) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::isnan(a[i]) && std::isnan(b[i])) continue;
    ASSERT_EQ(a[i], b[i]) << name << " at " << i;
  }
}

TEST(AttentionS8, EveryKernelGivesTheReferencesBits) {
  Random random(7);
  for (int i = 0; i < 200; ++i) {
    // Whole vectors of keys, and blocks of rows, read masks where they lie.
    const std::int64_t keys = i % 10 == 0 ? random.in(1, 1024) : i % 3 == 0 ? 16 * random.in(1, 6) : random.in(1, 90);
    const std::int64_t depth = random.in(1, i % 7 == 0 ? 256 : 40);
    Problem p(random, i % 4 == 0 ? 12 * random.in(1, 6) : random.in(0, 70), keys, depth, random.in(1, 70));
    if (i % 5 == 0) p.v.assign(p.v.size(), 0);
    if (i % 6 == 0) p.q.assign(p.q.size(), 1e-35f);
    const std::vector<float> expected = p.run(*attention_s8_table().back());
    for (const AttentionS8Kernel* kernel : runnable()) expect_same(p.run(*kernel), expected, kernel->name);
  }
}

TEST(AttentionS8, StaysWithinItsBounds) {
  Random random(8);
  for (const std::int64_t keys : {1, 5, 128, 1024}) {
    Problem p(random, 20, keys, 32, 48);
    for (float& m : p.mask) m = std::isfinite(m) ? m : -100;
    const std::vector<float> y = p.run(select_attention_s8());
    double squares = 0;
    for (std::int64_t m = 0; m < 20; ++m) {
      const std::vector<double> expected = p.exactly(m);
      const double bound = p.bound(m);
      for (std::int64_t e = 0; e < 48; ++e) {
        const double error = y[static_cast<std::size_t>(m * 49 + e)] - expected[static_cast<std::size_t>(e)];
        ASSERT_LE(std::fabs(error), bound) << keys;
        squares += error * error;
      }
    }
    EXPECT_LE(std::sqrt(squares / (20 * 48)), 0.02) << keys;
  }
}

// One key has half of the weight, all others share the other half: of 1024, four steps each.
TEST(AttentionS8, ManyKeysOfLittleWeightAddUp) {
  Random random(11);
  for (const std::int64_t keys : {2, 20, 128, 300, 1024}) {
    Problem p(random, 5, keys, 8, 3);
    p.q.assign(p.q.size(), 0);
    for (std::size_t i = 0; i < p.v.size(); ++i) p.v[i] = random.real(0.5f, 1);
    p.mask.assign(p.mask.size(), 0);
    p.mask.resize(static_cast<std::size_t>(5 * keys), 0);
    p.queries.mask_stride = keys;
    for (std::int64_t m = 0; m < 5; ++m)
      p.mask[static_cast<std::size_t>(m * keys + m % keys)] = std::log(static_cast<float>(keys) - 1);
    for (std::int64_t e = 0; e < 3; ++e) p.v[static_cast<std::size_t>(e * p.head.v_step)] = 0;
    for (const AttentionS8Kernel* kernel : runnable()) {
      const std::vector<float> y = p.run(*kernel);
      for (std::int64_t m = 0; m < 5; ++m) {
        const std::vector<double> expected = p.exactly(m);
        for (std::int64_t e = 0; e < 3; ++e) {
          ASSERT_NEAR(y[static_cast<std::size_t>(m * 4 + e)], expected[static_cast<std::size_t>(e)],
                      0.004 + static_cast<double>(keys) / 15872)
              << keys;
        }
      }
    }
  }
}

TEST(AttentionS8, WorstCaseSumsStayWithin32Bits) {
  Random random(9);
  for (const std::int64_t depth : {1, 2, 3, 32, 255, 256}) {
    Problem p(random, 3, 3, depth, 4);
    p.q.assign(p.q.size(), 1);
    p.k.assign(p.k.size(), 1);
    p.v.assign(p.v.size(), -5);
    p.mask.clear();
    for (const AttentionS8Kernel* kernel : runnable()) {
      EXPECT_NEAR(p.run(*kernel)[0], -5, 2e-3) << kernel->name << depth;
    }
  }
}

TEST(AttentionS8, WhatIsNotFiniteIsNotHidden) {
  for (const AttentionS8Kernel* kernel : runnable()) {
    for (const float bad : {NAN, std::bit_cast<float>(0xffc12345u), INFINITY, -INFINITY}) {
      Random random(10);
      const auto fresh = [&] {
        Problem p(random, 14, 19, 8, 5);
        p.mask.clear();
        return p;
      };
      Problem in_query = fresh(), in_keys = fresh(), in_values = fresh(), in_mask = fresh();
      in_query.q[static_cast<std::size_t>(in_query.queries.q_stride)] = bad;
      const auto y = in_query.run(*kernel);
      EXPECT_TRUE(std::isfinite(y[0]) && std::isnan(y[6]) && std::isfinite(y[12])) << kernel->name;
      in_keys.k[0] = bad;
      in_values.v[0] = bad;
      for (Problem* p : {&in_keys, &in_values}) {
        for (const std::size_t i : {0, 6, 12}) EXPECT_TRUE(std::isnan(p->run(*kernel)[i])) << kernel->name;
      }
      in_mask.mask.assign(14 * 19, 0);
      in_mask.queries.mask_stride = 19;
      for (std::size_t s = 0; s < 19; ++s) in_mask.mask[19 + s] = bad;
      const auto z = in_mask.run(*kernel);
      EXPECT_TRUE(std::isfinite(z[0]) && std::isnan(z[6]) && std::isfinite(z[12])) << kernel->name;
      // Of one key minus infinity masks it.
      for (std::size_t s = 1; s < 19; ++s) in_mask.mask[19 + s] = 0;
      EXPECT_EQ(std::isfinite(in_mask.run(*kernel)[6]), bad == -INFINITY) << kernel->name;
    }
  }
}

}  // namespace
}  // namespace octet::kernels
