#include "octet/base/read_file.h"

#include <unistd.h>

#include <cerrno>

#include "octet/base/file_descriptor.h"

namespace octet {

std::string read_file(const std::filesystem::path& path) {
  const FileDescriptor file = open_regular_file(path);
  std::string bytes(regular_file_size(file, path), '\0');
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t got = ::read(file.get(), bytes.data() + done, bytes.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw io_error("cannot be read", path, errno);
    if (got == 0) break;  // it shrank meanwhile: what is there is all there is
    done += static_cast<std::size_t>(got);
  }
  bytes.resize(done);
  return bytes;
}

}  // namespace octet
