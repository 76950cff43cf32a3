// The two families of uncompressed pictures: Windows BMP (8-bit palette, 24 and 32 bits) and PGM / PPM.
#include <fmt/format.h>

#include <cctype>
#include <cstdlib>

#include "octet/base/error.h"
#include "octet/formats/images/decode.h"

namespace octet::formats {
namespace {

// Little-endian fields at fixed places; reading past the end is an error.
class Fields {
 public:
  explicit Fields(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  std::uint32_t u16(std::size_t at) const { return u8(at) | u8(at + 1) << 8; }
  std::uint32_t u32(std::size_t at) const { return u16(at) | u16(at + 2) << 16; }
  std::int64_t i32(std::size_t at) const { return static_cast<std::int32_t>(u32(at)); }
  std::uint32_t u8(std::size_t at) const {
    if (at >= bytes_.size()) throw truncated();
    return bytes_[at];
  }
  /// `count` bytes from `at`.
  const std::uint8_t* block(std::size_t at, std::size_t count) const {
    if (at > bytes_.size() || count > bytes_.size() - at) throw truncated();
    return bytes_.data() + at;
  }

 private:
  Error truncated() const { return Error(ErrorKind::bad_input, "the picture ends too early").offset(bytes_.size()); }
  std::span<const std::uint8_t> bytes_;
};

// The text header of PNM: numbers parted by blanks and comments.
class PnmText {
 public:
  explicit PnmText(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  std::int64_t number() {
    while (at_ < bytes_.size() && (std::isspace(bytes_[at_]) != 0 || bytes_[at_] == '#')) {
      if (bytes_[at_] == '#') {
        while (at_ < bytes_.size() && bytes_[at_] != '\n') ++at_;
      } else {
        ++at_;
      }
    }
    std::int64_t value = 0;
    const std::size_t begin = at_;
    while (at_ < bytes_.size() && std::isdigit(bytes_[at_]) != 0 && at_ - begin < 10)
      value = value * 10 + (bytes_[at_++] - '0');
    if (at_ == begin) throw Error(ErrorKind::bad_input, "a number is missing in the picture").offset(at_);
    return value;
  }
  void skip(std::size_t count) { at_ += count; }
  std::size_t at() const { return at_; }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

}  // namespace

Image decode_bmp(std::span<const std::uint8_t> bytes) {
  const Fields in(bytes);
  const std::size_t data = in.u32(10), header = in.u32(14);
  const std::int64_t width = in.i32(18), signed_height = in.i32(22);
  const std::uint32_t bits = in.u16(28), compression = in.u32(30);
  if (header < 40 || compression != 0 || (bits != 8 && bits != 24 && bits != 32)) {
    throw Error(ErrorKind::unsupported, "this kind of BMP picture is not supported")
        .value(fmt::format("{} bits, compression {}", bits, compression))
        .expected("uncompressed, 8, 24 or 32 bits");
  }
  Image image = make_image(width, std::abs(signed_height), 3);
  const std::size_t item = bits / 8;
  const std::size_t stride = (static_cast<std::size_t>(width) * item + 3) / 4 * 4;
  for (int y = 0; y < image.height; ++y) {  // the last row comes first, unless the height is negative
    const int line = signed_height < 0 ? y : image.height - 1 - y;
    const std::uint8_t* from = in.block(data + static_cast<std::size_t>(line) * stride, stride);
    std::uint8_t* to = image.row(y);
    for (std::size_t x = 0; x < static_cast<std::size_t>(width); ++x) {
      const std::uint8_t* blue = bits == 8 ? in.block(14 + header + std::size_t{4} * from[x], 3) : from + x * item;
      for (std::size_t c = 0; c < 3; ++c) to[3 * x + c] = blue[2 - c];
    }
  }
  return image;
}

Image decode_pnm(std::span<const std::uint8_t> bytes) {
  const char kind = static_cast<char>(bytes[1]);
  PnmText text(bytes);
  text.skip(2);
  const std::int64_t width = text.number(), height = text.number(), most = text.number();
  if (most < 1 || most > 255) {
    throw Error(ErrorKind::unsupported, "only 8-bit PGM and PPM pictures are supported").value(std::to_string(most));
  }
  const bool plain = kind == '2' || kind == '3';
  Image image = make_image(width, height, kind == '3' || kind == '6' ? 3 : 1);
  const std::uint8_t* raw = plain ? nullptr : Fields(bytes).block(text.at() + 1, image.pixels.size());
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    const std::int64_t value = plain ? text.number() : raw[i];
    image.pixels[i] = static_cast<std::uint8_t>((std::min(most, value) * 510 + most) / (2 * most));
  }
  return image;
}

}  // namespace octet::formats
