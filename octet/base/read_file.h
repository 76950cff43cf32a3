// A whole file in memory, for files that are small by nature (settings, pictures, single arrays).
#pragma once

#include <filesystem>
#include <string>

namespace octet {

/// Throws io when the file is missing, unreadable or not a regular file.
std::string read_file(const std::filesystem::path& path);

}  // namespace octet
