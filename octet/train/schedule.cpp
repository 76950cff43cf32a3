#include "octet/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "octet/base/error.h"

namespace octet::train {
namespace {

double between(const Schedule& schedule, double from, double to, double part) {
  if (schedule.linear) return from + (to - from) * part;
  return to + (from - to) / 2 * (1 + std::cos(std::numbers::pi * part));
}

double one_cycle(const Schedule& s, double rate, double step, double steps) {
  const double lowest = rate / s.start_divisor, last = lowest / s.end_divisor;
  const double peak = s.peak_at * steps - 1, end = steps - 1;  // the last step of each half
  if (step <= peak) return between(s, lowest, rate, peak > 0 ? step / peak : 1);
  return between(s, rate, last, end > peak ? std::min(1.0, (step - peak) / (end - peak)) : 1);
}

double unwarmed(const Schedule& s, double rate, std::int64_t step, std::int64_t steps) {
  const auto at = static_cast<double>(std::min(step, steps)),
             all = static_cast<double>(std::max<std::int64_t>(steps, 1));
  const std::int64_t falls = step / std::max<std::int64_t>(s.every, 1);
  switch (s.kind) {
    case Schedule::Kind::constant:
      return rate;
    case Schedule::Kind::step:
      return rate * std::pow(s.gamma, static_cast<double>(falls));
    case Schedule::Kind::cosine:
      return rate * (s.final + (1 - s.final) / 2 * (1 + std::cos(std::numbers::pi * at / all)));
    case Schedule::Kind::one_cycle:
      return one_cycle(s, rate, at, all);
  }
  return rate;
}

}  // namespace

const std::vector<std::string>& schedule_names() {
  static const std::vector<std::string> names = {"constant", "step", "cosine", "one_cycle"};
  return names;
}

Schedule::Kind make_schedule_kind(const std::string& name) {
  const auto& names = schedule_names();
  const auto at = std::find(names.begin(), names.end(), name);
  if (at == names.end()) {
    throw Error(ErrorKind::usage, "there is no schedule of that name")
        .value(name)
        .expected("constant, step, cosine or one_cycle");
  }
  return static_cast<Schedule::Kind>(at - names.begin());
}

const char* to_string(Schedule::Kind kind) { return schedule_names()[static_cast<std::size_t>(kind)].c_str(); }

double rate_at(const Schedule& schedule, double rate, std::int64_t step, std::int64_t steps) {
  const double full = unwarmed(schedule, rate, step, steps);
  if (step >= schedule.warm_up) return full;
  const double part = static_cast<double>(step) / static_cast<double>(schedule.warm_up);
  return full * (schedule.warm_up_from + (1 - schedule.warm_up_from) * part);
}

}  // namespace octet::train
