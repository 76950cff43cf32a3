#include "octet/report/metrics.h"

#include <gtest/gtest.h>

#include <cmath>

namespace octet::report {
namespace {

double measure(const std::string& name, const Tensor& output, const Tensor& target) {
  const auto metric = make_metric(name);
  metric->add(output, target);
  return metric->value();
}

Tensor ints(std::initializer_list<std::int64_t> values) {
  return Tensor::from<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}

TEST(Metrics, Top1AndTop5) {
  const Tensor scores = Tensor::from<float>({3, 6}, {0, 1, 2, 3, 4, 5, 5, 5, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6});
  EXPECT_DOUBLE_EQ(measure("top1", scores, ints({5, 0, 0})), 2.0 / 3);  // of equal scores the first wins
  EXPECT_DOUBLE_EQ(measure("top5", scores, ints({1, 5, 0})), 1.0 / 3);
  EXPECT_DOUBLE_EQ(measure("top1", scores.reshaped({3, 6, 1, 1}), ints({5, 1, 5})), 2.0 / 3);
  EXPECT_THROW(measure("top1", scores, ints({6, 0, 0})), Error);
  EXPECT_THROW(measure("top1", scores, ints({0, 0})), Error);
}

TEST(Metrics, NothingIsRightAboutNaN) {
  const float nan = std::nanf("");
  EXPECT_EQ(measure("top1", Tensor::from<float>({1, 2}, {nan, nan}), ints({0})), 0);
}

TEST(Metrics, OneNumberASample) {
  const Tensor y = Tensor::from<float>({4, 1}, {0.1f, 0.4f, 0.35f, 0.8f});
  EXPECT_DOUBLE_EQ(measure("auc", y, ints({0, 0, 1, 1})), 0.75);
  EXPECT_DOUBLE_EQ(measure("accuracy", y, ints({0, 0, 1, 1})), 0.75);
  EXPECT_DOUBLE_EQ(measure("mse", y, Tensor::from<float>({4}, {0.1f, 0.4f, 0.35f, 0.3f})),
                   std::pow(double{0.8f} - double{0.3f}, 2) / 4);
  // scipy.stats.spearmanr([0.1, 0.4, 0.35, 0.8], [1, 1, 3, 4]) = 0.6324555320336759
  EXPECT_NEAR(measure("spearman", y, ints({1, 1, 3, 4})), 0.6324555320336759, 1e-12);
  EXPECT_DOUBLE_EQ(measure("accuracy", Tensor::from<float>({1, 2}, {1, 2}), ints({1})), 1);
}

TEST(Metrics, AnUnknownNameIsAUsageError) {
  try {
    make_metric("top2");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.info().kind, ErrorKind::usage);
    EXPECT_NE(error.info().expected.find("spearman"), std::string::npos);
  }
}

TEST(Answers, AlongTheClassAxis) {
  using Lists = std::vector<std::vector<std::int64_t>>;
  EXPECT_EQ(answers(Tensor::from<float>({2, 3}, {1, 2, 3, 3, 2, 1}), 2), (Lists{{2}, {0}}));
  EXPECT_EQ(answers(Tensor::from<float>({1, 2, 3}, {1, 2, 3, 3, 2, 1}), 1), (Lists{{2, 0}}));  // a sequence
  EXPECT_EQ(answers(Tensor::from<float>({1, 2, 1, 2}, {1, 5, 2, 4}), 1), (Lists{{1, 0}}));     // a map of classes
  EXPECT_EQ(answers(Tensor::from<float>({2, 1}, {0.2f, 0.7f}), 2), (Lists{{0}, {1}}));
}

TEST(Sqnr, Decibels) {
  Sqnr sqnr;
  sqnr.add(Tensor::from<float>({2}, {3, 4}), Tensor::from<float>({2}, {3, 4}));
  EXPECT_TRUE(std::isinf(sqnr.db()));
  sqnr.add(Tensor::from<float>({1}, {0}), Tensor::from<float>({1}, {0.5f}));
  EXPECT_NEAR(sqnr.db(), 20, 1e-9);
}

}  // namespace
}  // namespace octet::report
