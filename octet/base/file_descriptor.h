// An open file that closes itself, and the errors of the system calls around it.
//
//   FileDescriptor file = open_regular_file("model.onnx");   // io error for a directory, a FIFO, ...
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>

#include "octet/base/error.h"

namespace octet {

class FileDescriptor {
 public:
  FileDescriptor() = default;
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(FileDescriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  /// Closes now; returns false (errno set) when the system reports an error.
  bool close();

 private:
  int fd_ = -1;
};

/// An io error that names the file and the system's reason (`code` is an errno value).
Error io_error(const std::string& message, const std::filesystem::path& file, int code);

/// Opens for reading. Throws io when the file is missing, unreadable or not a regular file (a directory,
/// FIFO or device); never waits for a writer.
FileDescriptor open_regular_file(const std::filesystem::path& path);
/// Throws io unless `fd` is a regular file; returns its size.
std::uint64_t regular_file_size(const FileDescriptor& fd, const std::filesystem::path& path);

/// Whether both names lead to one file (links followed); false when either does not exist.
bool same_file(const std::filesystem::path& a, const std::filesystem::path& b);

}  // namespace octet
