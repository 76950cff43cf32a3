// JPEG through libjpeg-turbo, with its default (and Pillow's) settings: the accurate integer transform
// and smooth chroma upsampling.
#include <cstddef>
#include <cstdio>
// jpeglib.h needs FILE and size_t to be declared before it.
#include <jerror.h>
#include <jpeglib.h>

#include <csetjmp>
#include <cstring>

#include "octet/base/error.h"
#include "octet/formats/images/decode.h"

namespace octet::formats {
namespace {

// libjpeg reports errors by a call that must not return; it is left by longjmp, past C frames only.
struct ErrorManager {
  jpeg_error_mgr base;
  std::jmp_buf leave;
  char message[JMSG_LENGTH_MAX];
};

void on_error(j_common_ptr info) {
  auto* manager = reinterpret_cast<ErrorManager*>(info->err);
  info->err->format_message(info, manager->message);
  std::longjmp(manager->leave, 1);
}

// Missing data is an error, not a grey rest of the picture; other warnings leave the pixels as Pillow gives them.
void on_message(j_common_ptr info, int level) {
  if (level < 0 && info->err->msg_code == JWRN_JPEG_EOF) on_error(info);
}

struct Decoder {
  jpeg_decompress_struct info;
  ErrorManager errors;

  Decoder() {
    info.err = jpeg_std_error(&errors.base);
    errors.base.error_exit = on_error;
    errors.base.emit_message = on_message;
    errors.message[0] = '\0';
  }
  ~Decoder() { jpeg_destroy_decompress(&info); }
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
};

// No object with a destructor lives in the two functions that longjmp may leave.
bool read_header(Decoder& decoder, const std::uint8_t* bytes, std::size_t size) {
  if (setjmp(decoder.errors.leave) != 0) return false;
  jpeg_create_decompress(&decoder.info);
  jpeg_mem_src(&decoder.info, bytes, static_cast<unsigned long>(size));
  jpeg_read_header(&decoder.info, TRUE);
  return true;
}

bool read_pixels(Decoder& decoder, std::uint8_t* pixels, std::size_t row_bytes) {
  if (setjmp(decoder.errors.leave) != 0) return false;
  jpeg_start_decompress(&decoder.info);
  while (decoder.info.output_scanline < decoder.info.output_height) {
    JSAMPROW row = pixels + decoder.info.output_scanline * row_bytes;
    jpeg_read_scanlines(&decoder.info, &row, 1);
  }
  jpeg_finish_decompress(&decoder.info);
  return true;
}

Error damaged(const Decoder& decoder) {
  return Error(ErrorKind::bad_input, "the JPEG picture is damaged").value(decoder.errors.message);
}

std::uint8_t scaled(unsigned value, unsigned by) {  // value * by / 255, rounded
  const unsigned t = value * by + 128;
  return static_cast<std::uint8_t>(((t >> 8) + t) >> 8);
}

// Adobe writes CMYK inverted, and Pillow takes every CMYK JPEG to be so: what is stored is 255 - ink.
Image cmyk_to_rgb(const std::vector<std::uint8_t>& stored, int width, int height) {
  Image rgb = make_image(width, height, 3);
  for (std::size_t i = 0; i < stored.size() / 4; ++i) {
    const std::uint8_t* p = stored.data() + 4 * i;
    const unsigned paper = p[3];  // 255 - black
    for (std::size_t c = 0; c < 3; ++c) {
      const int value = static_cast<int>(paper) - scaled(255u - p[c], paper);
      rgb.pixels[3 * i + c] = static_cast<std::uint8_t>(value < 0 ? 0 : value);
    }
  }
  return rgb;
}

}  // namespace

Image decode_jpeg(std::span<const std::uint8_t> bytes, DecodeNotes& notes) {
  Decoder decoder;
  if (!read_header(decoder, bytes.data(), bytes.size())) throw damaged(decoder);
  const auto width = static_cast<std::int64_t>(decoder.info.image_width);
  const auto height = static_cast<std::int64_t>(decoder.info.image_height);
  const J_COLOR_SPACE space = decoder.info.jpeg_color_space;
  if (space == JCS_GRAYSCALE) {
    decoder.info.out_color_space = JCS_GRAYSCALE;
  } else if (space == JCS_CMYK || space == JCS_YCCK) {
    decoder.info.out_color_space = JCS_CMYK;
  } else {
    decoder.info.out_color_space = JCS_RGB;
  }
  if (decoder.info.out_color_space == JCS_CMYK) {
    make_image(width, height, 1);  // checks the size
    std::vector<std::uint8_t> stored(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 4);
    if (!read_pixels(decoder, stored.data(), static_cast<std::size_t>(width) * 4)) throw damaged(decoder);
    notes.cmyk = true;
    return cmyk_to_rgb(stored, static_cast<int>(width), static_cast<int>(height));
  }
  Image image = make_image(width, height, decoder.info.out_color_space == JCS_GRAYSCALE ? 1 : 3);
  if (!read_pixels(decoder, image.pixels.data(), image.row_bytes())) throw damaged(decoder);
  return image;
}

}  // namespace octet::formats
