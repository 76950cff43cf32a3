#include "octet/quant/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "octet/quant/testing.h"

namespace octet::quant {
namespace {

using ::testing::HasSubstr;

const Scheme kU8 = activation_scheme(DType::u8, false, false, Numerics::onnx);

TEST(Statistics, WriteReadMerge) {
  Random random(1);
  for (const ObserverRow& row : observers()) {
    Statistics whole(row.kind), a(row.kind), b(row.kind);
    for (int i = 0; i < 4; ++i) {
      const auto batch = draw(random, 300, "plain", 1.0F + static_cast<float>(i));
      whole.observe("x", batch);
      (i < 2 ? a : b).observe("x", batch);
      if (i == 3) b.observe("only in b", batch);
    }
    a.samples = b.samples = 2;
    const Statistics read = Statistics::read(a.write());
    EXPECT_EQ(read.write(), a.write());
    EXPECT_EQ(read.observer(), row.kind);
    a.merge(b);
    EXPECT_EQ(a.samples, 4);
    EXPECT_TRUE(a.has("only in b"));
    const Range merged = a.range({"x"}, kU8, {}), expected = whole.range({"x"}, kU8, {});
    // A moving average depends on the order, and torch 1.x cuts the ends of its histogram to whole numbers, in each
    // part.
    const double slack = row.kind == Observer::moving_average ? 2 : row.kind == Observer::histogram_torch1 ? 1 : 0.05;
    EXPECT_NEAR(merged.max, expected.max, slack) << row.name;
    EXPECT_GE(a.range({"x", "only in b"}, kU8, {}).max, merged.max * 0.9F) << row.name;
  }
}

TEST(Statistics, MalformedTextIsRefused) {
  for (
      const char* text :
      {"", "{", "[]", "{}", R"({"format": "octet calibration statistics"})",
       R"({"format": "octet calibration statistics", "version": 1, "observer": "none", "samples": 1, "batches": 1, "values": {}})",
       R"({"format": "octet calibration statistics", "version": 1, "observer": "mse", "samples": 1, "batches": 1, "values": {"x": 3}})"}) {
    EXPECT_THROW(Statistics::read(text), Error) << text;
  }
  Statistics empty;
  EXPECT_THROW(empty.range({"x"}, kU8, {}), Error);
}

TEST(Statistics, OutlierIsNamed) {
  Random random(2);
  auto values = draw(random, 50000, "plain", 1);
  Statistics calm;
  calm.observe("calm", values);
  EXPECT_TRUE(calm.outliers().empty());
  values[77] = 1e30F;
  Statistics wild;
  wild.observe("wild", values);
  ASSERT_EQ(wild.outliers().size(), 1U);
  EXPECT_THAT(wild.outliers()[0], HasSubstr("'wild': 1 value"));
  EXPECT_THAT(wild.outliers()[0], HasSubstr("percentile"));
}

}  // namespace
}  // namespace octet::quant
