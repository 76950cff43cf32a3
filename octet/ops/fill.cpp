#include "octet/ops/fill.h"

#include <algorithm>

namespace octet::ops {
namespace {

template <class T>
void fill_as(const void* value, void* to, std::int64_t count) {
  T item;
  std::memcpy(&item, value, sizeof(T));
  std::fill_n(static_cast<T*>(to), count, item);
}

}  // namespace

void fill(std::size_t item, const void* value, void* to, std::int64_t count) {
  switch (item) {
    case 1:
      return fill_as<std::uint8_t>(value, to, count);
    case 2:
      return fill_as<std::uint16_t>(value, to, count);
    case 4:
      return fill_as<std::uint32_t>(value, to, count);
    case 8:
      return fill_as<std::uint64_t>(value, to, count);
    default:
      throw Error(ErrorKind::internal, "filling with an unknown item size");
  }
}

void fill(ThreadPool& threads, Tensor& y, const Tensor& value) {
  const std::size_t item = size_of(y.dtype());
  auto* bytes = static_cast<std::byte*>(y.raw());
  threads.parallel_for(y.elements(), 1 << 16, [&](std::int64_t begin, std::int64_t end) {
    fill(item, value.raw(), bytes + static_cast<std::size_t>(begin) * item, end - begin);
  });
}

}  // namespace octet::ops
