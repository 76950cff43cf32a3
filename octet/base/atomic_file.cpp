#include "octet/base/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <string>

namespace octet {
namespace {

// Large writes are cut: the kernel takes at most 2 GiB at once, and a piece this size is cheap to repeat.
constexpr std::size_t kPiece = std::size_t{1} << 26;

Error exists_error(const std::filesystem::path& target) {
  return Error(ErrorKind::usage, "the output exists already")
      .file(target.string())
      .hint("choose another name, or ask to overwrite it");
}

// What a chain of links leads to, so that a link is kept and its file replaced.
std::filesystem::path resolve(const std::filesystem::path& target) {
  std::error_code error;
  if (!std::filesystem::is_symlink(target, error)) return target;
  const std::filesystem::path real = std::filesystem::weakly_canonical(target, error);
  return error ? target : real;
}

std::filesystem::path temporary_beside(const std::filesystem::path& target) {
  static std::atomic<unsigned> counter = 0;
  // Short whatever the target's name, so that a name of the longest legal length still works.
  return target.parent_path() / (".octet-" + std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".tmp");
}

}  // namespace

AtomicFile::AtomicFile(const std::filesystem::path& target, bool overwrite)
    : target_(resolve(target)), overwrite_(overwrite) {
  struct stat old = {};
  const bool exists = ::stat(target_.c_str(), &old) == 0;
  if (exists && !S_ISREG(old.st_mode)) {
    throw Error(ErrorKind::io, "the output is not a regular file").file(target_.string());
  }
  if (exists && !overwrite) throw exists_error(target_);
  do {
    temporary_ = temporary_beside(target_);
    file_ = FileDescriptor(::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  } while (!file_.valid() && (errno == EINTR || errno == EEXIST));
  if (!file_.valid()) throw io_error("the output cannot be created", target_, errno);
  // The permissions of a file that is replaced stay; failing to keep them is no reason to lose the data.
  if (exists && ::fchmod(file_.get(), old.st_mode & 07777) != 0) errno = 0;
}

AtomicFile::~AtomicFile() {
  if (!committed_ && !temporary_.empty()) ::unlink(temporary_.c_str());
}

void AtomicFile::fail(const char* message, int code) const { throw io_error(message, target_, code); }

void AtomicFile::write(const void* data, std::size_t size) {
  const char* from = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t written = ::write(file_.get(), from, std::min(size, kPiece));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("the output cannot be written", errno);
    if (written == 0) fail("the output cannot be written", ENOSPC);
    from += written;
    size -= static_cast<std::size_t>(written);
    size_ += static_cast<std::uint64_t>(written);
  }
}

void AtomicFile::pad_to(std::uint64_t size) {
  static constexpr std::array<char, 4096> kZeros = {};
  while (size_ < size)
    write(kZeros.data(), static_cast<std::size_t>(std::min<std::uint64_t>(size - size_, kZeros.size())));
}

void AtomicFile::prepare() {
  if (prepared_) return;
  while (::fsync(file_.get()) != 0) {
    if (errno != EINTR) fail("the output cannot be brought to the disk", errno);
  }
  if (!file_.close()) fail("the output cannot be closed", errno);
  prepared_ = true;
}

void AtomicFile::commit() {
  prepare();
  if (overwrite_) {
    if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("the output cannot be put in place", errno);
  } else {
    // link() refuses a name that was taken meanwhile, which rename() would replace.
    if (::link(temporary_.c_str(), target_.c_str()) != 0) {
      if (errno == EEXIST) throw exists_error(target_);
      fail("the output cannot be put in place", errno);
    }
    ::unlink(temporary_.c_str());
  }
  committed_ = true;
  const std::filesystem::path parent = target_.parent_path().empty() ? "." : target_.parent_path();
  const FileDescriptor directory(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // A directory that may be written but not read cannot be synced; the rename itself has succeeded.
  if (!directory.valid()) return;
  while (::fsync(directory.get()) != 0) {
    if (errno == EINVAL || errno == EROFS) return;  // file systems without this notion
    if (errno != EINTR) fail("the directory of the output cannot be brought to the disk", errno);
  }
}

void write_file_atomically(const std::filesystem::path& target, std::string_view bytes, bool overwrite) {
  AtomicFile file(target, overwrite);
  file.write(bytes.data(), bytes.size());
  file.commit();
}

}  // namespace octet
