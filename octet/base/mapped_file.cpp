#include "octet/base/mapped_file.h"

#include <sys/mman.h>

#include <cerrno>

namespace octet {

std::shared_ptr<const MappedFile> MappedFile::open(const std::filesystem::path& path) {
  return map(open_regular_file(path), path);
}

std::shared_ptr<const MappedFile> MappedFile::map(const FileDescriptor& fd, const std::filesystem::path& path) {
  const auto size = static_cast<std::size_t>(regular_file_size(fd, path));
  const void* data = nullptr;  // an empty file has nothing to map
  if (size != 0) {
    data = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (data == MAP_FAILED) throw io_error("the file cannot be mapped", path, errno);
  }
  return std::shared_ptr<const MappedFile>(new MappedFile(static_cast<const std::uint8_t*>(data), size));
}

MappedFile::~MappedFile() {
  if (size_ != 0) ::munmap(const_cast<std::uint8_t*>(data_), size_);
}

}  // namespace octet
