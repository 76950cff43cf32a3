// A file mapped into memory, read-only; the mapping lives as long as anything points into it.
//
//   auto file = MappedFile::open("weights.bin");
//   Tensor view(DType::f32, shape, const_cast<std::uint8_t*>(file->data()), file);
#pragma once

#include <cstdint>
#include <memory>
#include <span>

#include "octet/base/file_descriptor.h"

namespace octet {

class MappedFile {
 public:
  /// Throws io when the file is missing, unreadable or not a regular file.
  static std::shared_ptr<const MappedFile> open(const std::filesystem::path& path);
  /// The same for a file already open; `path` only names it in errors.
  static std::shared_ptr<const MappedFile> map(const FileDescriptor& fd, const std::filesystem::path& path);

  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  const std::uint8_t* data() const { return data_; }
  std::size_t size() const { return size_; }
  std::span<const std::uint8_t> bytes() const { return {data_, size_}; }

 private:
  MappedFile(const std::uint8_t* data, std::size_t size);

  const std::uint8_t* data_;
  std::size_t size_;
};

/// Memory of `bytes` bytes that lives in an unnamed file in `folder`, not in RAM or swap: the system may write
/// it out and drop it at any time. Throws io when the folder does not take it (its whole size is reserved here).
std::shared_ptr<void> scratch_memory(const std::filesystem::path& folder, std::size_t bytes);

/// Says that these bytes are not needed soon: where they belong to a MappedFile or to scratch_memory, their pages
/// are given back (and come again from the file when they are touched). Any other memory is left alone.
void release_pages(const void* begin, std::size_t bytes);

}  // namespace octet
