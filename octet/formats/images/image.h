// Pictures: JPEG, PNG, BMP, PPM and PGM files as 8-bit pixels, decoded and resized as Pillow does it.
//
//   Image image = formats::load_image("cat.jpg", formats::Channels::rgb);
//   image = formats::resize(image, 256, 341, formats::Interpolation::bilinear);
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace octet::formats {

/// Rows from the top, pixels from the left, channels together.
struct Image {
  int width = 0, height = 0;
  int channels = 3;  ///< 3: red, green, blue; 1: grey
  std::vector<std::uint8_t> pixels;

  std::uint8_t* row(int y) { return pixels.data() + static_cast<std::size_t>(y) * row_bytes(); }
  const std::uint8_t* row(int y) const { return pixels.data() + static_cast<std::size_t>(y) * row_bytes(); }
  std::size_t row_bytes() const { return static_cast<std::size_t>(width) * static_cast<std::size_t>(channels); }
};

enum class Channels { rgb, grey };
enum class Interpolation { nearest, bilinear, bicubic };

/// Pictures larger than this are refused (limit): about as many pixels as Pillow's default admits.
inline constexpr std::int64_t kMaxPixels = 178'956'970;

/// What decoding had to do that the user may want to hear of.
struct DecodeNotes {
  bool cmyk = false;  ///< converted from CMYK
};

/// Decodes by content, not by name. Alpha is dropped, palettes are applied, 16 bits keep their upper 8,
/// CMYK becomes RGB, the orientation in EXIF is ignored: Pillow's convert("RGB") or convert("L").
/// Throws io, bad_input (damaged, truncated, not a picture), unsupported or limit (too many pixels).
Image load_image(const std::string& path, Channels channels, DecodeNotes* notes = nullptr);
Image decode_image(std::span<const std::uint8_t> bytes, Channels channels, const std::string& file = {},
                   DecodeNotes* notes = nullptr);
/// Whether the name ends like a picture that load_image reads (.jpg .jpeg .png .bmp .ppm .pgm).
bool has_image_extension(const std::string& name);

/// The picture at another size. Bilinear and bicubic (a = -1/2) widen their support when shrinking
/// (antialias) and compute in 8-bit fixed point with 22-bit coefficients; nearest takes the pixel
/// under the centre. Throws usage for sizes below 1.
/// Source: the behaviour of Image.resize in Pillow 13, held equal by a test.
Image resize(const Image& image, int width, int height, Interpolation interpolation);
/// The centred part of that size: left = (w - width) / 2, top = (h - height) / 2, rounded down.
/// Throws bad_input when the picture is smaller.
Image center_crop(const Image& image, int width, int height);

}  // namespace octet::formats
