// labels.csv: a header line with the columns `file` and `label` (others are ignored), then a line a picture.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace octet::formats {

/// Fields may be quoted as in RFC 4180 (a quoted field may hold commas, not line breaks). Throws io or
/// bad_input naming the line.
std::vector<std::pair<std::string, std::int64_t>> load_labels(const std::string& path);

}  // namespace octet::formats
