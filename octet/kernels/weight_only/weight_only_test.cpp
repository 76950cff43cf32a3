#include "octet/kernels/weight_only/weight_only.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "octet/kernels/simulate/simulated.h"

namespace octet::kernels {
namespace {

std::vector<const WeightOnlyKernel*> runnable() {
  std::vector<const WeightOnlyKernel*> all = simulated_weight_only();
  for (const WeightOnlyKernel* kernel : weight_only_table()) {
    if (cpu_supports(kernel->isa)) all.push_back(kernel);
  }
  return all;
}

struct Problem {
  WeightOnlyForm form;
  GemmShape s;
  std::vector<float> x, scale, bias, residual;
  std::vector<std::int8_t> w, zero;

  // Weights go to their ends; numbers of x span six orders of magnitude from group to group.
  Problem(const WeightOnlyForm& given, const GemmShape& shape, std::mt19937& random) : form(given), s(shape) {
    const auto number = [&random] { return static_cast<float>(random() & 0xffff) / 32768.0f - 1; };
    x.resize(static_cast<std::size_t>(s.m * s.k));
    scale.resize(static_cast<std::size_t>(blocks() * s.n));
    zero.resize(form.zero_points ? scale.size() : 0);
    bias.resize(static_cast<std::size_t>(s.n));
    residual.resize(static_cast<std::size_t>(s.m * s.n));
    for (auto* v : {&x, &scale, &bias, &residual}) std::generate(v->begin(), v->end(), number);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] *= std::pow(10.0f, static_cast<float>(i / 100 % 7) - 3);
    w.resize(static_cast<std::size_t>(s.k * s.n));
    const int low = -1 << (form.bits - 1);
    const auto integer = [&] {
      return static_cast<std::int8_t>(random() % 4 == 0 ? low : low + static_cast<int>(random() % (1u << form.bits)));
    };
    for (auto* v : {&w, &zero}) std::generate(v->begin(), v->end(), integer);
  }

  std::int64_t blocks() const { return form.block == 0 ? 1 : (s.k + form.block - 1) / form.block; }
  std::size_t param(std::int64_t k, std::int64_t n) const {
    return static_cast<std::size_t>((form.block == 0 ? 0 : k / form.block) * s.n + n);
  }
  double weight(std::int64_t k, std::int64_t n) const {
    const std::int8_t v = w[static_cast<std::size_t>(k * s.b_k_stride + n * s.b_n_stride)];
    return (v - (form.zero_points ? zero[param(k, n)] : 0)) * static_cast<double>(scale[param(k, n)]);
  }

  std::vector<float> run(const WeightOnlyKernel& kernel, ThreadPool& pool) const {
    std::vector<float> out(residual.size());
    std::vector<char> packed(static_cast<std::size_t>(packed_bytes_weight_only(form, s))),
        scratch(static_cast<std::size_t>(scratch_bytes_weight_only(form, s)));
    pack_weight_only(form, s, {w.data(), scale.data(), zero.data()}, packed.data());
    Epilogue e;
    e.bias_f32 = bias.data(), e.residual = residual.data(), e.residual_stride = e.out_stride = s.n;
    e.activation = Activation::relu;
    e.out = out.data();
    weight_only(kernel, form, s, x.data(), packed.data(), form.block == 0 ? scale.data() : nullptr, e, scratch.data(),
                pool);
    return out;
  }

  float number(std::int64_t m, std::int64_t k) const { return x[static_cast<std::size_t>(m * s.k + k)]; }
  double top(std::int64_t m, std::int64_t k) const {
    const std::int64_t group =
        form.block == 0 ? kWeightOnlyGroup : std::min<std::int64_t>(form.block, kWeightOnlyGroup);
    const std::int64_t begin = k / group * group;
    float most = 0;
    for (std::int64_t i = begin; i < std::min(s.k, begin + group); ++i) most = std::max(most, std::abs(number(m, i)));
    return static_cast<double>(most);
  }

  // Within the bound that the header states, and what float sums and the epilogue add to it.
  void expect_close(const std::vector<float>& out) const {
    for (std::int64_t m = 0; m < s.m; ++m) {
      for (std::int64_t n = 0; n < s.n; ++n) {
        double sum = 0, size = 0, bound = 0;
        for (std::int64_t k = 0; k < s.k; ++k) {
          const double factor = weight(k, n);
          sum += static_cast<double>(number(m, k)) * factor;
          size += std::abs(static_cast<double>(number(m, k)) * factor);
          bound += top(m, k) * std::abs(factor);
        }
        const auto at = static_cast<std::size_t>(m * s.n + n);
        const double expected =
            sum + static_cast<double>(bias[static_cast<std::size_t>(n)]) + static_cast<double>(residual[at]);
        const double most = bound * std::exp2(-15.9) + size * 2e-7 + 1e-6;
        ASSERT_NEAR(static_cast<double>(out[at]), std::max(0.0, expected), most) << m << " " << n;
      }
    }
  }
};

const WeightOnlyForm kForms[] = {{},
                                 {.bits = 8, .block = 64},
                                 {.bits = 8, .block = 128, .zero_points = true},
                                 {.bits = 4},
                                 {.bits = 4, .block = 128},
                                 {.bits = 4, .block = 32, .zero_points = true},
                                 {.bits = 4, .block = 8},
                                 {.bits = 4, .block = 256, .zero_points = true}};

const GemmShape kShapes[] = {{.m = 1, .n = 1, .k = 1, .b_k_stride = 1},
                             {.m = 1, .n = 200, .k = 333, .b_k_stride = 200},
                             {.m = 2, .n = 33, .k = 128, .b_k_stride = 33},
                             {.m = 3, .n = 97, .k = 129, .b_k_stride = 97},
                             {.m = 4, .n = 32, .k = 500, .b_k_stride = 32},
                             {.m = 5, .n = 31, .k = 3, .b_k_stride = 31},
                             {.m = 6, .n = 65, .k = 12, .b_k_stride = 65},
                             {.m = 7, .n = 130, .k = 64, .b_k_stride = 1, .b_n_stride = 64},
                             {.m = 8, .n = 64, .k = 1000, .b_k_stride = 64},
                             {.m = 27, .n = 100, .k = 40, .b_k_stride = 100},
                             {.m = 107, .n = 70, .k = 260, .b_k_stride = 1, .b_n_stride = 260}};

// Against sums in double; the same bits on every instruction set and for any number of threads.
TEST(WeightOnly, IsTheProduct) {
  std::mt19937 random(11);
  ThreadPool one(1), two(2);
  for (const WeightOnlyForm& form : kForms) {
    ASSERT_TRUE(weight_only_serves(form));
    for (const GemmShape& shape : kShapes) {
      const Problem problem(form, shape, random);
      const std::vector<float> expected = problem.run(*weight_only_table().back(), one);
      problem.expect_close(expected);
      for (const WeightOnlyKernel* kernel : runnable()) {
        for (ThreadPool* pool : {&one, &two}) EXPECT_EQ(problem.run(*kernel, *pool), expected) << kernel->name;
      }
    }
  }
  EXPECT_FALSE(weight_only_serves({.bits = 4, .block = 12}));
  EXPECT_FALSE(weight_only_serves({.bits = 4, .block = 136}));
  EXPECT_FALSE(weight_only_serves({.bits = 8, .zero_points = true}));
}

// The error of normally distributed numbers, relative to the outputs: what the header says.
TEST(WeightOnly, LosesLittle) {
  std::mt19937 random(12);
  ThreadPool one(1);
  std::normal_distribution<float> normal;
  Problem problem({}, {.m = 2, .n = 64, .k = 2048, .b_k_stride = 64}, random);
  for (float& v : problem.x) v = normal(random);
  std::fill(problem.scale.begin(), problem.scale.end(), 1.0f);
  std::fill(problem.bias.begin(), problem.bias.end(), 1e6f);  // relu lets everything pass
  std::fill(problem.residual.begin(), problem.residual.end(), -1e6f);
  for (auto& v : problem.w) v = static_cast<std::int8_t>(std::clamp(30 * normal(random), -127.0f, 127.0f));
  const std::vector<float> out = problem.run(select_weight_only(), one);
  double error = 0, all = 0;
  for (std::int64_t m = 0; m < 2; ++m) {
    for (std::int64_t n = 0; n < 64; ++n) {
      double sum = 0;
      for (std::int64_t k = 0; k < 2048; ++k)
        sum += static_cast<double>(problem.number(m, k)) * problem.w[static_cast<std::size_t>(k * 64 + n)];
      if (sum <= 0) continue;
      error += std::pow(static_cast<double>(out[static_cast<std::size_t>(m * 64 + n)]) - sum, 2);
      all += sum * sum;
    }
  }
  EXPECT_LT(std::sqrt(error / all), 4e-5);
}

// A row's answer does not depend on the rows beside it.
TEST(WeightOnly, RowsStandAlone) {
  std::mt19937 random(13);
  ThreadPool one(1);
  const Problem problem({.bits = 4, .block = 64}, {.m = 9, .n = 40, .k = 300, .b_k_stride = 40}, random);
  for (const WeightOnlyKernel* kernel : runnable()) {
    const std::vector<float> all = problem.run(*kernel, one);
    for (std::int64_t m = 0; m < 9; ++m) {
      Problem single = problem;
      single.s.m = 1;
      single.x.assign(problem.x.begin() + m * 300, problem.x.begin() + (m + 1) * 300);
      single.residual.assign(problem.residual.begin() + m * 40, problem.residual.begin() + (m + 1) * 40);
      const std::vector<float> alone = single.run(*kernel, one);
      EXPECT_TRUE(std::equal(alone.begin(), alone.end(), all.begin() + m * 40)) << kernel->name << " row " << m;
    }
  }
}

TEST(WeightOnly, NumbersThatAreNone) {
  std::mt19937 random(14);
  ThreadPool one(1);
  const float none[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                        -std::numeric_limits<float>::infinity()};
  for (const WeightOnlyKernel* kernel : runnable()) {
    for (const float v : none) {
      Problem problem({}, {.m = 2, .n = 40, .k = 300, .b_k_stride = 40}, random);
      const std::vector<float> before = problem.run(*kernel, one);
      problem.x[450] = v;  // of the second row
      const std::vector<float> out = problem.run(*kernel, one);
      EXPECT_TRUE(std::equal(out.begin(), out.begin() + 40, before.begin())) << kernel->name;
      EXPECT_TRUE(std::all_of(out.begin() + 40, out.end(), [](float y) { return std::isnan(y); })) << kernel->name;
    }
    // Zeros, and what is as good as zeros, beside numbers at the end of the range.
    Problem problem({}, {.m = 1, .n = 8, .k = 384, .b_k_stride = 8}, random);
    std::fill(problem.x.begin(), problem.x.begin() + 128, 0.0f);
    std::fill(problem.x.begin() + 128, problem.x.begin() + 256, 1e-39f);
    std::fill(problem.x.begin() + 256, problem.x.end(), 1e30f);
    problem.expect_close(problem.run(*kernel, one));
  }
}

}  // namespace
}  // namespace octet::kernels
