// For tests only: where the shared models and data are, and a folder that cleans itself up.
#pragma once

#include <stdlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

namespace octet::testing {

/// The source and the build tree. Set in one generated file, so that no other object depends on where they lie.
extern const char* const kSourceDir;
extern const char* const kBinaryDir;

/// The folder with the shared models and data: OCTET_SHARED, or `../shared` seen from the source tree.
/// Nothing if it is not there; the test then skips by name.
inline std::optional<std::filesystem::path> shared_dir() {
  const char* given = std::getenv("OCTET_SHARED");
  const std::filesystem::path path = given != nullptr && *given != '\0'
                                         ? std::filesystem::path(given)
                                         : std::filesystem::path(kSourceDir) / ".." / "shared";
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return std::nullopt;
  return std::filesystem::canonical(path);
}

/// A folder of the source tree ("tests/corpus/onnx").
inline std::filesystem::path source_dir(std::string_view relative) {
  return std::filesystem::path(kSourceDir) / relative;
}

/// A fresh empty folder, removed with all that is in it at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "octet-test-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::system_error(errno, std::generic_category(), pattern);
    path_ = pattern;
  }
  ~TemporaryDirectory() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

  const std::filesystem::path& path() const { return path_; }
  /// The path of a file in it, as a string.
  std::string file(std::string_view name) const { return (path_ / name).string(); }
  /// Writes a file in it and returns its path.
  std::string write(std::string_view name, std::string_view content) const {
    std::ofstream out(path_ / name, std::ios::binary);
    out.write(content.data(), static_cast<std::streamsize>(content.size()));
    return file(name);
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace octet::testing
