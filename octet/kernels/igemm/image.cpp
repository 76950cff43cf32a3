#include "octet/kernels/igemm/image.h"

#include <algorithm>
#include <cstring>

#include "octet/kernels/layout/kernels.h"

namespace octet::kernels {
namespace {

// Bytes worth another thread: few, for each then copies what it wrote itself and will read.
constexpr std::int64_t kRowsGrain = 4096;

void convert(const ImageCopy& c, const char* in, std::int64_t count, char* out) {
  if (c.a_bytes != 2) {
    std::memcpy(out, in, static_cast<std::size_t>(count * c.a_bytes));
    return;
  }
  const auto* u8 = reinterpret_cast<const std::uint8_t*>(in);
  auto* s16 = reinterpret_cast<std::int16_t*>(out);
  const auto zero_point = static_cast<std::int16_t>(c.zero_point);
  for (std::int64_t i = 0; i < count; ++i) s16[i] = static_cast<std::int16_t>(u8[i] - zero_point);
}

// Padding is mostly a pixel at a time: less than a call takes.
void fill(const ImageCopy& c, std::int64_t count, char* out) {
  const int byte = c.a_bytes == 1 ? c.zero_point : 0;
  std::int64_t bytes = count * c.a_bytes;
  if (bytes > 128) {
    std::memset(out, byte, static_cast<std::size_t>(bytes));
    return;
  }
  const std::uint64_t word = 0x0101010101010101u * static_cast<std::uint8_t>(byte);
  for (; bytes >= 8; bytes -= 8, out += 8) std::memcpy(out, &word, 8);
  for (; bytes > 0; --bytes) *out++ = static_cast<char>(byte);
}

// What the rows of a copy have in common: columns [first, last) lie inside the input.
struct Row {
  std::int64_t first, last;
  explicit Row(const ImageCopy& c)
      : first(std::clamp<std::int64_t>((c.pad_left + c.step_w - 1) / c.step_w, 0, c.width)),
        last(std::clamp((c.in_width + c.pad_left + c.step_w - 1) / c.step_w, first, c.width)) {}
};

void copy_row(const ImageCopy& c, const Row& row, const char* in, char* out) {
  const std::int64_t in_bytes = c.a_bytes == 4 ? 4 : 1, first = row.first, last = row.last;
  fill(c, first * c.channels, out);
  fill(c, (c.width - last) * c.channels, out + last * c.channels * c.a_bytes);
  out += first * c.channels * c.a_bytes;
  in += (first * c.step_w - c.pad_left) * c.in_stride * in_bytes;
  if (c.in_stride == c.channels && c.step_w == 1) return convert(c, in, (last - first) * c.channels, out);
  for (std::int64_t x = first; x < last; ++x) {
    convert(c, in, c.channels, out);
    in += c.step_w * c.in_stride * in_bytes;
    out += c.channels * c.a_bytes;
  }
}

// Row y of a copy that lays three rows side by side; those outside of the image are rows of padding.
void copy_three_rows(const ImageCopy& c, const Row& row, const std::uint8_t* image, std::int64_t y, std::uint8_t* out) {
  constexpr std::int64_t kPart = 1024;
  fill(c, row.first * c.channels, reinterpret_cast<char*>(out));
  fill(c, (c.width - row.last) * c.channels, reinterpret_cast<char*>(out) + row.last * c.channels);
  out += row.first * c.channels;
  const std::int64_t start = (row.first - c.pad_left) * c.in_stride, count = (row.last - row.first) * c.in_stride;
  if (y >= 0 && y + 3 <= c.in_height) return interleave_three(image + y * c.in_row + start, c.in_row, count, out);
  std::uint8_t rows[3 * kPart];
  for (std::int64_t i = 0; i < count; i += kPart) {
    const std::int64_t part = std::min(kPart, count - i);
    for (std::int64_t r = 0; r < 3; ++r) {
      const bool inside = y + r >= 0 && y + r < c.in_height;
      const std::uint8_t* from = inside ? image + (y + r) * c.in_row + start + i : nullptr;
      if (inside) std::memcpy(rows + r * kPart, from, static_cast<std::size_t>(part));
      if (!inside) std::memset(rows + r * kPart, c.zero_point, static_cast<std::size_t>(part));
    }
    interleave_three(rows, kPart, part, out + 3 * i);
  }
}

}  // namespace

std::int64_t image_bytes(const ImageCopy& c) {
  return (c.batch * c.height * c.width * c.channels * c.a_bytes + kImageSlack + 63) / 64 * 64;
}

void copy_image(const ImageCopy& c, const void* in, void* out, ThreadPool& pool) {
  const std::int64_t in_bytes = c.a_bytes == 4 ? 4 : 1, row_bytes = c.width * c.channels * c.a_bytes;
  const std::int64_t rows = c.batch * c.height;
  const std::int64_t grain = std::max<std::int64_t>(1, kRowsGrain / std::max<std::int64_t>(1, row_bytes));
  pool.parallel_for(rows, grain, [&](std::int64_t begin, std::int64_t end) {
    const Row inside(c);
    const char* image = static_cast<const char*>(in) + begin / c.height * c.in_image * in_bytes;
    std::int64_t from = begin % c.height;
    for (std::int64_t row = begin; row < end; ++row) {
      const std::int64_t y = from * c.step_h - c.pad_top;
      char* to = static_cast<char*>(out) + row * row_bytes;
      if (c.three_rows) {
        copy_three_rows(c, inside, reinterpret_cast<const std::uint8_t*>(image), y,
                        reinterpret_cast<std::uint8_t*>(to));
      } else if (y < 0 || y >= c.in_height) {
        fill(c, c.width * c.channels, to);
      } else {
        copy_row(c, inside, image + y * c.in_row * in_bytes, to);
      }
      if (++from < c.height) continue;
      from = 0;
      image += c.in_image * in_bytes;
    }
  });
  std::memset(static_cast<char*>(out) + rows * row_bytes, 0, static_cast<std::size_t>(kImageSlack));
}

}  // namespace octet::kernels
