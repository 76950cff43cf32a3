// One decoder a file format, for decode_image.
#pragma once

#include <cstdint>
#include <span>

#include "octet/formats/images/image.h"

namespace octet::formats {

/// Each throws bad_input for damaged data and gives 1 or 3 channels as the file has them.
Image decode_jpeg(std::span<const std::uint8_t> bytes, DecodeNotes& notes);
Image decode_png(std::span<const std::uint8_t> bytes);
Image decode_bmp(std::span<const std::uint8_t> bytes);
Image decode_pnm(std::span<const std::uint8_t> bytes);  ///< PGM (P2, P5) and PPM (P3, P6)

/// An image of that size, after checking it against kMaxPixels.
Image make_image(std::int64_t width, std::int64_t height, int channels);

}  // namespace octet::formats
