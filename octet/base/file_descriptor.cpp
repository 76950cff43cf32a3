#include "octet/base/file_descriptor.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace octet {
namespace {

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

}  // namespace

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

FileDescriptor::~FileDescriptor() { close(); }

bool FileDescriptor::close() {
  if (fd_ < 0) return true;
  // Linux closes the descriptor even when close() fails, EINTR included: never again.
  return ::close(std::exchange(fd_, -1)) == 0 || errno == EINTR;
}

Error io_error(const std::string& message, const std::filesystem::path& file, int code) {
  return Error(ErrorKind::io, message + ": " + std::strerror(code)).file(file.string());
}

FileDescriptor open_regular_file(const std::filesystem::path& path) {
  int fd = -1;
  do {
    // O_NONBLOCK: opening a FIFO must not wait for its writer; it changes nothing for regular files.
    fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) throw io_error("the file cannot be opened", path, errno);
  FileDescriptor file(fd);
  regular_file_size(file, path);
  return file;
}

std::uint64_t regular_file_size(const FileDescriptor& fd, const std::filesystem::path& path) {
  struct stat status = {};
  if (::fstat(fd.get(), &status) != 0) throw io_error("the file cannot be examined", path, errno);
  if (!S_ISREG(status.st_mode)) {
    throw Error(ErrorKind::io, "not a regular file").file(path.string()).value(kind_of(status.st_mode));
  }
  return static_cast<std::uint64_t>(status.st_size);
}

bool same_file(const std::filesystem::path& a, const std::filesystem::path& b) {
  struct stat sa = {}, sb = {};
  if (::stat(a.c_str(), &sa) != 0 || ::stat(b.c_str(), &sb) != 0) return false;
  return sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino;
}

}  // namespace octet
