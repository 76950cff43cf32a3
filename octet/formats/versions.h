// Versions of the libraries behind the formats, as they are loaded.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace octet::formats {

std::vector<std::pair<std::string, std::string>> library_versions();

}  // namespace octet::formats
