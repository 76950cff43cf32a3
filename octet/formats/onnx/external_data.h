// Tensor data kept in files beside the model: found safely, mapped once, never read as a whole.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "octet/base/mapped_file.h"

namespace octet::formats {

/// Throws bad_input unless `location` is a relative path that stays inside its folder on every system.
void check_external_location(const std::string& location);

class ExternalData {
 public:
  /// `directory` is where the files may lie; `allowed` false: no external data at all (a model in memory).
  ExternalData(std::string directory, bool allowed) : directory_(std::move(directory)), allowed_(allowed) {}

  /// The mapped file of a location as a model gives it. Throws bad_input when the location is empty,
  /// absolute, leads out of the directory, is or passes a link, has other hard links, is missing or not
  /// a regular file. A location that is refused is never opened.
  std::shared_ptr<const MappedFile> file(const std::string& location);

 private:
  FileDescriptor open(const std::string& location) const;

  std::string directory_;
  bool allowed_;
  std::map<std::string, std::shared_ptr<const MappedFile>> files_;
};

}  // namespace octet::formats
