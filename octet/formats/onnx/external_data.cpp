#include "octet/formats/onnx/external_data.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>

namespace octet::formats {
namespace {

Error refuse(const std::string& location, const std::string& why) {
  return Error(ErrorKind::bad_input, "external data: " + why).value("location '" + location + "'");
}

Error cannot_open(const std::string& location, int code) {
  if (code == ELOOP || code == ENOTDIR) {
    return refuse(location, "the location is, or passes through, a symbolic link or something that is no folder");
  }
  return refuse(location, std::string("the file cannot be opened (") + std::strerror(code) + ")")
      .hint("external data must lie beside the model, under the name that the model gives");
}

}  // namespace

void check_external_location(const std::string& location) {
  if (location.empty()) throw refuse(location, "no location is given");
  if (location.find('\0') != std::string::npos) throw refuse(location, "the location holds a zero byte");
  const std::filesystem::path path(location);
  // Backslashes and drive letters lead out of the folder on another system: a file must not mean two things.
  const bool windows = location.find('\\') != std::string::npos || (location.size() > 1 && location[1] == ':');
  bool climbs = false;
  for (const auto& part : path) climbs = climbs || part == "..";
  if (path.is_absolute() || windows || climbs) {
    throw refuse(location, "the location leads out of the model's folder")
        .expected("a relative path without '..' or '\\'");
  }
}

// Component by component, never following a link: what was checked is what is opened.
FileDescriptor ExternalData::open(const std::string& location) const {
  const std::string base = directory_.empty() ? "." : directory_;
  FileDescriptor at(::open(base.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!at.valid()) throw cannot_open(location, errno);
  const std::filesystem::path path(location);
  const std::filesystem::path parent = path.parent_path();
  for (const auto& part : parent) {
    if (part.empty() || part == ".") continue;
    FileDescriptor next(::openat(at.get(), part.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!next.valid()) throw cannot_open(location, errno);
    at = std::move(next);
  }
  FileDescriptor file(
      ::openat(at.get(), path.filename().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!file.valid()) throw cannot_open(location, errno);
  return file;
}

std::shared_ptr<const MappedFile> ExternalData::file(const std::string& location) {
  if (const auto it = files_.find(location); it != files_.end()) return it->second;
  check_external_location(location);
  if (!allowed_) {
    throw refuse(location, "a model in memory has no folder to look in").hint("load it by its path, or embed the data");
  }
  const FileDescriptor fd = open(location);
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) throw refuse(location, "not a regular file");
  if (status.st_nlink > 1) {
    throw refuse(location, "the file has other hard links")
        .hint("copy it, so that nothing outside the folder shares it");
  }
  return files_[location] = MappedFile::map(fd, directory_.empty() ? location : directory_ + "/" + location);
}

}  // namespace octet::formats
