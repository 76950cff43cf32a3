#include "octet/report/json_forms.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "octet/report/text.h"

namespace octet::report {

using Json = nlohmann::ordered_json;

Json error_json(const ErrorInfo& info) {
  Json error;
  error["kind"] = to_string(info.kind);
  error["message"] = safe(info.message);
  error["file"] = safe(info.file);
  error["node"] = safe(info.node);
  error["tensor"] = safe(info.tensor);
  error["value"] = safe(info.value);
  error["expected"] = safe(info.expected);
  error["hint"] = safe(info.hint);
  error["offset"] = info.offset ? Json(*info.offset) : Json();
  return {{"error", error}};
}

std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

Json finite_or_null(double value) { return std::isfinite(value) ? Json(value) : Json(); }

}  // namespace octet::report
