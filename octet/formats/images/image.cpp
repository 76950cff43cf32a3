#include "octet/formats/images/image.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include "octet/base/error.h"
#include "octet/base/read_file.h"
#include "octet/formats/images/decode.h"

namespace octet::formats {
namespace {

bool begins_with(std::span<const std::uint8_t> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin(),
                    [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
}

Image decode_any(std::span<const std::uint8_t> bytes, DecodeNotes& notes) {
  if (begins_with(bytes, "\xff\xd8\xff")) return decode_jpeg(bytes, notes);
  if (begins_with(bytes, "\x89PNG\r\n\x1a\n")) return decode_png(bytes);
  if (begins_with(bytes, "BM")) return decode_bmp(bytes);
  for (const char* magic : {"P2", "P3", "P5", "P6"}) {
    if (begins_with(bytes, magic)) return decode_pnm(bytes);
  }
  throw Error(ErrorKind::bad_input, bytes.empty() ? "the picture is empty" : "is no picture that Octet reads")
      .expected("JPEG, PNG, BMP, PPM or PGM");
}

// ITU-R 601 luma with 16-bit weights, as Pillow's convert("L").
Image to_grey(const Image& rgb) {
  Image grey = make_image(rgb.width, rgb.height, 1);
  for (std::size_t i = 0; i < grey.pixels.size(); ++i) {
    const std::uint8_t* p = rgb.pixels.data() + 3 * i;
    grey.pixels[i] = static_cast<std::uint8_t>((p[0] * 19595u + p[1] * 38470u + p[2] * 7471u + 0x8000u) >> 16);
  }
  return grey;
}

Image to_rgb(const Image& grey) {
  Image rgb = make_image(grey.width, grey.height, 3);
  for (std::size_t i = 0; i < grey.pixels.size(); ++i) {
    std::fill_n(rgb.pixels.begin() + static_cast<std::ptrdiff_t>(3 * i), 3, grey.pixels[i]);
  }
  return rgb;
}

}  // namespace

Image make_image(std::int64_t width, std::int64_t height, int channels) {
  if (width < 1 || height < 1) {
    throw Error(ErrorKind::bad_input, "the picture has no pixels").value(fmt::format("{}x{}", width, height));
  }
  if (width > kMaxPixels || height > kMaxPixels / width) {
    throw Error(ErrorKind::limit, "the picture is too large")
        .value(fmt::format("{}x{} pixels", width, height))
        .expected(fmt::format("at most {} pixels", kMaxPixels));
  }
  Image image;
  image.width = static_cast<int>(width);
  image.height = static_cast<int>(height);
  image.channels = channels;
  image.pixels.resize(image.row_bytes() * static_cast<std::size_t>(height));
  return image;
}

Image decode_image(std::span<const std::uint8_t> bytes, Channels channels, const std::string& file,
                   DecodeNotes* notes) {
  DecodeNotes ignored;
  try {
    Image image = decode_any(bytes, notes != nullptr ? *notes : ignored);
    if (channels == Channels::grey && image.channels == 3) return to_grey(image);
    if (channels == Channels::rgb && image.channels == 1) return to_rgb(image);
    return image;
  } catch (Error& error) {
    throw error.file(file);
  }
}

Image load_image(const std::string& path, Channels channels, DecodeNotes* notes) {
  const std::string bytes = read_file(path);
  return decode_image({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()}, channels, path, notes);
}

bool has_image_extension(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string::npos) return false;
  std::string extension = name.substr(dot);
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  constexpr std::array kKnown = {".jpg", ".jpeg", ".png", ".bmp", ".ppm", ".pgm"};
  return std::find(kKnown.begin(), kKnown.end(), extension) != kKnown.end();
}

Image center_crop(const Image& image, int width, int height) {
  if (width > image.width || height > image.height) {
    throw Error(ErrorKind::bad_input, "the picture is smaller than the crop")
        .value(fmt::format("{}x{}", image.width, image.height))
        .expected(fmt::format("at least {}x{}", width, height))
        .hint("give a \"resize\" in preprocess.json");
  }
  Image out = make_image(width, height, image.channels);
  const std::ptrdiff_t left = std::ptrdiff_t{(image.width - width) / 2} * image.channels;
  const int top = (image.height - height) / 2;
  for (int y = 0; y < height; ++y) std::copy_n(image.row(top + y) + left, out.row_bytes(), out.row(y));
  return out;
}

}  // namespace octet::formats
