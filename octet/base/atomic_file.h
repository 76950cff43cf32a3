// Writing a file so that nobody ever sees half of it: a temporary beside the target, fsync, rename,
// fsync of the directory. Until commit() the target is untouched; without commit() nothing is left.
//
//   AtomicFile file("model.onnx");
//   file.write(bytes.data(), bytes.size());
//   file.commit();
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "octet/base/file_descriptor.h"

namespace octet {

class AtomicFile {
 public:
  /// Throws usage when the target exists and `overwrite` is false, io when it is no regular file or the
  /// directory cannot be written. A symbolic link is followed: what it points to is replaced.
  explicit AtomicFile(const std::filesystem::path& target, bool overwrite = true);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, std::size_t size);
  /// Zero bytes until the file is `size` long.
  void pad_to(std::uint64_t size);
  std::uint64_t size() const { return size_; }
  /// The file that will be replaced, links followed.
  const std::filesystem::path& target() const { return target_; }

  /// Everything to the disk, the target still untouched; so that several files can be made ready before
  /// the first of them is renamed.
  void prepare();
  /// prepare(), then the new file takes the target's name.
  void commit();

 private:
  [[noreturn]] void fail(const char* message, int code) const;

  std::filesystem::path target_, temporary_;
  FileDescriptor file_;
  std::uint64_t size_ = 0;
  bool overwrite_, prepared_ = false, committed_ = false;
};

/// The whole of a small file at once.
void write_file_atomically(const std::filesystem::path& target, std::string_view bytes, bool overwrite = true);

}  // namespace octet
