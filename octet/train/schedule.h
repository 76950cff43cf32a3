// Learning rates over time: a pure function of the step, so that nothing has to be remembered to resume.
//
//   double rate = train::rate_at({.kind = train::Schedule::Kind::cosine, .warm_up = 100}, 1e-3, step, steps);
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace octet::train {

struct Schedule {
  enum class Kind {
    constant,
    step,       ///< rate gamma^floor(step / every)
    cosine,     ///< from rate to final * rate along half a cosine (Loshchilov and Hutter 2017, equation 5)
    one_cycle,  ///< rate / start_divisor, up to rate at peak_at of the way, down to rate / start_divisor /
                ///< end_divisor (Smith and Topin 2018; torch's OneCycleLR)
  };
  Kind kind = Kind::constant;
  std::int64_t every = 1000;
  double gamma = 0.1;
  double final = 0;
  double peak_at = 0.3, start_divisor = 25, end_divisor = 1e4;
  bool linear = false;  ///< one cycle along straight lines
  /// Steps at the beginning during which the rate is multiplied by a factor that grows evenly from warm_up_from to 1.
  std::int64_t warm_up = 0;
  double warm_up_from = 0.01;
};

/// constant, step, cosine, one_cycle. Throws usage for another.
Schedule::Kind make_schedule_kind(const std::string& name);
const std::vector<std::string>& schedule_names();
const char* to_string(Schedule::Kind kind);

/// The rate of step `step` (from 0) of `steps` in all; from `steps` on the last one stays.
double rate_at(const Schedule& schedule, double rate, std::int64_t step, std::int64_t steps);

}  // namespace octet::train
