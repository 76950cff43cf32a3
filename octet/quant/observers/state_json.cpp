#include "octet/quant/observers/state_json.h"

#include <cmath>
#include <nlohmann/json.hpp>

namespace octet::quant {

Error malformed(const std::string& what) {
  return Error(ErrorKind::bad_input, "malformed calibration statistics: " + what)
      .hint("write the statistics file again from the calibration data");
}

nlohmann::json save_range(Range range) {
  if (range.min > range.max) return nlohmann::json::array();
  return nlohmann::json::array({range.min, range.max});
}

const nlohmann::json& member(const nlohmann::json& saved, const std::string& key) {
  if (!saved.is_object() || !saved.contains(key)) throw malformed("no member '" + key + "'");
  return saved.at(key);
}

Range load_range(const nlohmann::json& saved, const std::string& key) {
  const nlohmann::json& pair = member(saved, key);
  if (pair.is_array() && pair.empty()) return kNothing;
  if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number() || !pair[1].is_number()) {
    throw malformed("'" + key + "' is not a pair of numbers");
  }
  const Range range{pair[0].get<float>(), pair[1].get<float>()};
  if (!std::isfinite(range.min) || !std::isfinite(range.max) || range.min > range.max) {
    throw malformed("'" + key + "' is not a range");
  }
  return range;
}

}  // namespace octet::quant
