#include "octet/base/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <iterator>
#include <map>
#include <mutex>

namespace octet {
namespace {

// What is mapped from files now: giving back pages of any other memory would lose what is in them.
class Mappings {
 public:
  static Mappings& all() {
    static auto* const one = new Mappings;  // outlives every static that still holds a mapping
    return *one;
  }
  void add(const void* data, std::size_t size) {
    const std::lock_guard lock(mutex_);
    sizes_.emplace(address(data), size);
  }
  void remove(const void* data) {
    const std::lock_guard lock(mutex_);
    sizes_.erase(address(data));
  }
  bool holds(std::uintptr_t begin, std::uintptr_t end) {
    const std::lock_guard lock(mutex_);
    const auto above = sizes_.upper_bound(begin);
    if (above == sizes_.begin()) return false;
    const auto it = std::prev(above);
    return end <= it->first + it->second;
  }

 private:
  static std::uintptr_t address(const void* data) { return reinterpret_cast<std::uintptr_t>(data); }

  std::mutex mutex_;
  std::map<std::uintptr_t, std::size_t> sizes_;
};

// A file without a name in `folder`: nothing is left of it, however the process ends.
FileDescriptor unnamed_file(const std::filesystem::path& folder) {
  FileDescriptor file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file.valid() || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return file;
  std::string name = (folder / ".octet-XXXXXX").string();  // a file system that knows no unnamed files
  FileDescriptor named(::mkostemp(name.data(), O_CLOEXEC));
  if (named.valid()) ::unlink(name.c_str());
  return named;
}

}  // namespace

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

MappedFile::MappedFile(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {
  if (size_ != 0) Mappings::all().add(data_, size_);
}

MappedFile::~MappedFile() {
  if (size_ == 0) return;
  Mappings::all().remove(data_);
  ::munmap(const_cast<std::uint8_t*>(data_), size_);
}

std::shared_ptr<void> scratch_memory(const std::filesystem::path& folder, std::size_t bytes) {
  const FileDescriptor file = unnamed_file(folder);
  if (!file.valid()) throw io_error("no room for intermediate results can be had in this folder", folder, errno);
  // Reserved now: a disk that is full must be an error here, not a signal when a page is touched.
  int code = EINTR;
  while (code == EINTR) code = ::posix_fallocate(file.get(), 0, static_cast<off_t>(bytes));
  if (code != 0) throw io_error("no room for intermediate results can be had in this folder", folder, code);
  void* data = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (data == MAP_FAILED) throw io_error("intermediate results cannot be mapped", folder, errno);
  Mappings::all().add(data, bytes);
  return std::shared_ptr<void>(data, [bytes](void* mapped) {
    Mappings::all().remove(mapped);
    ::munmap(mapped, bytes);
  });
}

void release_pages(const void* begin, std::size_t bytes) {
  static const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  const std::uintptr_t skipped = (page - address % page) % page;  // up to the first whole page
  if (bytes < skipped + page || !Mappings::all().holds(address, address + bytes)) return;
  char* first = const_cast<char*>(static_cast<const char*>(begin)) + skipped;
  // Advice: where it is refused, the pages stay, and nothing is lost.
  static_cast<void>(::madvise(first, (bytes - skipped) / page * page, MADV_DONTNEED));
}

}  // namespace octet
