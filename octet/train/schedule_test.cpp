#include "octet/train/schedule.h"

#include <gtest/gtest.h>

#include "octet/nn/testing.h"

namespace octet::train {
namespace {

using nlohmann::json;

TEST(Schedule, RatesAreTorchs) {
  for (const json& golden : nn::goldens().at("schedules")) {
    const json& o = golden.at("options");
    const std::string kind = golden.at("schedule");
    Schedule s;
    s.kind = kind == "warm_up" ? Schedule::Kind::constant : make_schedule_kind(kind);
    s.every = o.value("every", s.every);
    s.gamma = o.value("gamma", s.gamma);
    s.final = o.value("final", s.final);
    s.peak_at = o.value("peak_at", s.peak_at);
    s.start_divisor = o.value("start_divisor", s.start_divisor);
    s.end_divisor = o.value("end_divisor", s.end_divisor);
    s.linear = o.value("linear", s.linear);
    s.warm_up = o.value("warm_up", s.warm_up);
    s.warm_up_from = o.value("warm_up_from", s.warm_up_from);
    const auto rates = golden.at("rates").get<std::vector<double>>();
    for (std::size_t i = 0; i < rates.size(); ++i)
      EXPECT_NEAR(rate_at(s, 0.1, static_cast<std::int64_t>(i), 30), rates[i], 1e-12) << kind << o << ' ' << i;
  }
}

TEST(Schedule, WarmUpGoesBeforeAnyOther) {
  const Schedule s{.kind = Schedule::Kind::cosine, .warm_up = 4, .warm_up_from = 0};
  EXPECT_EQ(rate_at(s, 1, 0, 10), 0);
  EXPECT_LT(rate_at(s, 1, 2, 10), rate_at(s, 1, 4, 10));
  EXPECT_NEAR(rate_at(s, 1, 10, 10), 0, 1e-12);
}

TEST(Schedule, UnknownNameIsRefused) { EXPECT_THROW(make_schedule_kind("sine"), Error); }

}  // namespace
}  // namespace octet::train
