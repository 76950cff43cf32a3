#include "octet/nn/init.h"

#include <gtest/gtest.h>

#include "octet/nn/testing.h"

namespace octet::nn {
namespace {

void expect_near(const Tensor& x, const nlohmann::json& wanted, float tolerance) {
  ASSERT_EQ(static_cast<std::size_t>(x.elements()), wanted.size());
  for (std::size_t i = 0; i < wanted.size(); ++i)
    EXPECT_NEAR(x.data<float>()[i], wanted[i].get<float>(), tolerance) << i;
}

TEST(Init, DrawsAreTorchs) {
  const nlohmann::json golden = goldens().at("random");
  Random random(42);
  expect_near(rand({40}, random), golden.at("uniform"), 0);
  expect_near(randn({5}, random), golden.at("normal_few"), 1e-6f);
  expect_near(randn({4}, random), golden.at("normal_few_again"), 1e-6f);
  expect_near(rand({3}, random), golden.at("uniform_after"), 0);
  expect_near(randn({16}, random), golden.at("normal_16"), 2e-6f);
  expect_near(randn({43}, random), golden.at("normal_many"), 2e-6f);
  const auto order = random_permutation(20, random);
  EXPECT_EQ(order, golden.at("permutation").get<std::vector<std::int64_t>>());
  Tensor x(DType::f32, {37});
  fill_uniform(x, -0.3, 0.7, random);
  expect_near(x, golden.at("uniform_range"), 1e-7f);
}

}  // namespace
}  // namespace octet::nn
