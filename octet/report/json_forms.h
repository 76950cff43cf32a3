// What every `--json` form has in common. Scripts rely on the names; a test reads each form back.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "octet/base/error.h"

namespace octet::report {

/// {"error": {kind, message, file, node, tensor, value, expected, hint, offset}}: all keys, empty or null
/// where nothing is known.
nlohmann::ordered_json error_json(const ErrorInfo& info);

/// One line of text; bytes that are no UTF-8 are replaced.
std::string dump(const nlohmann::ordered_json& json);

/// The number, or null where it is not finite (JSON has no infinity).
nlohmann::ordered_json finite_or_null(double value);

}  // namespace octet::report
