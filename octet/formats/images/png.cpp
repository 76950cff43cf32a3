// PNG through libpng: palettes applied, alpha dropped, 16 bits cut to their upper 8.
#include <png.h>

#include <csetjmp>
#include <cstring>

#include "octet/base/error.h"
#include "octet/formats/images/decode.h"

namespace octet::formats {
namespace {

struct Reader {
  png_structp png = nullptr;
  png_infop info = nullptr;
  std::span<const std::uint8_t> bytes;
  std::size_t at = 0;
  char message[160] = "";

  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
};

void on_error(png_structp png, png_const_charp text) {
  auto* reader = static_cast<Reader*>(png_get_error_ptr(png));
  std::strncpy(reader->message, text, sizeof reader->message - 1);
  png_longjmp(png, 1);
}

void on_warning(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep to, png_size_t count) {
  auto* reader = static_cast<Reader*>(png_get_io_ptr(png));
  if (count > reader->bytes.size() - reader->at) png_error(png, "the file ends too early");
  std::memcpy(to, reader->bytes.data() + reader->at, count);
  reader->at += count;
}

// No object with a destructor lives in the two functions that longjmp may leave.
bool read_header(Reader& reader) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_set_read_fn(reader.png, &reader, read_bytes);
  png_set_user_limits(reader.png, 0x7fffffff, 0x7fffffff);  // make_image checks the size
  png_read_info(reader.png, reader.info);
  const int type = png_get_color_type(reader.png, reader.info);
  if (type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(reader.png);
  if (type == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(reader.png);
  png_set_strip_16(reader.png);
  png_set_strip_alpha(reader.png);
  png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  return true;
}

bool read_rows(Reader& reader, png_bytepp rows) {
  if (setjmp(png_jmpbuf(reader.png)) != 0) return false;
  png_read_image(reader.png, rows);
  png_read_end(reader.png, nullptr);
  return true;
}

Error damaged(const Reader& reader) {
  return Error(ErrorKind::bad_input, "the PNG picture is damaged").value(reader.message).offset(reader.at);
}

}  // namespace

Image decode_png(std::span<const std::uint8_t> bytes) {
  Reader reader;
  reader.bytes = bytes;
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, on_error, on_warning);
  reader.info = reader.png != nullptr ? png_create_info_struct(reader.png) : nullptr;
  if (reader.info == nullptr) throw Error(ErrorKind::limit, "memory to read a picture could not be had");
  if (!read_header(reader)) throw damaged(reader);
  const int channels = png_get_channels(reader.png, reader.info);
  Image image =
      make_image(png_get_image_width(reader.png, reader.info), png_get_image_height(reader.png, reader.info), channels);
  std::vector<png_bytep> rows;
  for (int y = 0; y < image.height; ++y) rows.push_back(image.row(y));
  if (!read_rows(reader, rows.data())) throw damaged(reader);
  return image;
}

}  // namespace octet::formats
