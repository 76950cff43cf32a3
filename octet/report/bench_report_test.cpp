#include "octet/report/bench_report.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace octet::report {
namespace {

StepInfo step(const char* kernel, bool int8, std::int64_t macs) {
  return {.name = "layer", .op = "QConv", .kernel = kernel, .int8 = int8, .macs = macs};
}

TEST(BenchReport, SaysWhichShareOfAvx2ProductsIsNarrow) {
  BenchReport report;
  report.narrow_share = narrow_share(
      {step("igemm_u8s8 igemm_u8s8_4x16_avx2_narrow", true, 75), step("igemm_u8s8 igemm_u8s8_6x16_avx2_wide", true, 20),
       step("depthwise_u8s8 depthwise_u8s8_rows16_avx2", true, 5), step("igemm_f32 igemm_f32_6x16_avx2", false, 1000)});
  ASSERT_TRUE(report.narrow_share);
  EXPECT_EQ(*report.narrow_share, 0.75);
  EXPECT_EQ(to_json(report)["int8_macs"]["narrow_share"], 0.75);
  EXPECT_NE(to_text(report, 100).find("narrow (proved to fit 16 bits)"), std::string::npos);
}

TEST(BenchReport, SaysNothingOfSharesElsewhere) {
  EXPECT_FALSE(narrow_share({step("igemm_u8s8 igemm_u8s8_12x32_avx512_vnni", true, 75)}));
  EXPECT_FALSE(narrow_share({step("igemm_f32 igemm_f32_6x16_avx2", false, 75)}));
  EXPECT_EQ(to_text(BenchReport(), 100).find("narrow"), std::string::npos);
}

TEST(BenchReport, MeasuresProductsByTheLimitOfTheirNumbers) {
  BenchReport report;
  report.probe = {.int8_gops = 400, .float_gflops = 100};
  for (const auto& [kernel, int8] : {std::pair{"igemm_u8s8_12x32_avx512_vnni", true},
                                     {"attention_s8_avx512_vnni", false},
                                     {"igemm_f32_12x32_avx512", false}}) {
    report.operators.push_back(step(kernel, int8, 50'000'000));
    report.operators.back().seconds = 1e-3;  // 100 Gop/s
  }
  report.profiled = true;
  const auto steps = to_json(report)["operators"];
  EXPECT_NEAR(steps[0]["fraction_of_limit"].get<double>(), 0.25, 1e-9);
  EXPECT_NEAR(steps[1]["fraction_of_limit"].get<double>(), 0.25, 1e-9);
  EXPECT_NEAR(steps[2]["fraction_of_limit"].get<double>(), 1.0, 1e-9);
}

}  // namespace
}  // namespace octet::report
