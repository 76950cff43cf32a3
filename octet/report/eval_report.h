// The result of `octet eval`.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace octet::report {

struct EvalReport {
  std::string metric;
  std::optional<double> value;  ///< nothing: the data has no expected answers
  std::int64_t samples = 0;
  bool compared = false;  ///< with --against
  std::optional<double> reference_value;
  double agreement = 0;                                 ///< share of equal answers
  std::vector<std::pair<std::string, double>> sqnr_db;  ///< by output; infinite: nothing differs
  std::vector<std::string> warnings;
};

nlohmann::ordered_json to_json(const EvalReport& report);
std::string to_text(const EvalReport& report, int width);

}  // namespace octet::report
