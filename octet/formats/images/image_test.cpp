#include "octet/formats/images/image.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "octet/base/error.h"
#include "octet/base/testing.h"

namespace octet::formats {
namespace {

std::string corpus(const std::string& name) {
  return (octet::testing::source_dir("tests/corpus/images") / name).string();
}

std::uint64_t fnv(const Image& image) {
  std::uint64_t value = 0xcbf29ce484222325u;
  for (const std::uint8_t byte : image.pixels) value = (value ^ byte) * 0x100000001b3u;
  return value;
}

// The same numbers as pattern() of tests/corpus/images/make.py.
Image make_pattern(int width, int height, int channels) {
  Image image{width, height, channels, {}};
  image.pixels.resize(image.row_bytes() * static_cast<std::size_t>(height));
  for (std::uint32_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<std::uint8_t>((i * 2654435761u + (i >> 3) * 40503u) >> 24);
  }
  return image;
}

// Golden hashes: Pillow 13, printed by tests/corpus/images/make.py.
struct Decoded {
  const char* file;
  std::uint64_t rgb, grey;
};
constexpr Decoded kDecoded[] = {
    {"420.jpg", 0x702df544511eea45, 0xc4e6082bb1012063},
    {"444.jpg", 0xaa1e08866fa9f3dc, 0xda723cd24d8d79dd},
    {"bits.png", 0xe17d9af15f6400c0, 0xa64422fa595dbe12},
    {"cmyk.jpg", 0x555ec44390e5f64b, 0x215551f7d9faacc3},
    {"grey.jpg", 0xcb781c2fee392183, 0xb96435ebe2bc7343},
    {"grey.pgm", 0xf7c41f6159dd61b8, 0xefbd0129356f121e},
    {"grey.png", 0xf7c41f6159dd61b8, 0xefbd0129356f121e},
    {"palette.bmp", 0x2dc781b3dca92cfa, 0x4b19a210c8530e47},
    {"palette.png", 0x2dc781b3dca92cfa, 0x4b19a210c8530e47},
    {"progressive.jpg", 0x55d2c187c873b027, 0xc4e6082bb1012063},
    {"rgb.bmp", 0x5596163892d18e11, 0x541f3654929eb29d},
    {"rgb.png", 0x5596163892d18e11, 0x541f3654929eb29d},
    {"rgb.ppm", 0x5596163892d18e11, 0x541f3654929eb29d},
    {"rgba.png", 0x5596163892d18e11, 0x541f3654929eb29d},
    {"turned.jpg", 0x702df544511eea45, 0xc4e6082bb1012063},
};

TEST(Image, DecodesToThePixelsOfPillow) {
  for (const Decoded& c : kDecoded) {
    DecodeNotes notes;
    EXPECT_EQ(fnv(load_image(corpus(c.file), Channels::rgb, &notes)), c.rgb) << c.file;
    EXPECT_EQ(fnv(load_image(corpus(c.file), Channels::grey)), c.grey) << c.file;
    EXPECT_EQ(notes.cmyk, std::string(c.file) == "cmyk.jpg");
  }
}

struct Resized {
  int width, height, channels, to_width, to_height;
  Interpolation interpolation;
  std::uint64_t pixels;
};
constexpr Resized kResized[] = {
    {50, 40, 3, 20, 30, Interpolation::nearest, 0x6490c5c473907ffc},
    {50, 40, 3, 20, 30, Interpolation::bilinear, 0x1d94bcf1efa86126},
    {50, 40, 3, 20, 30, Interpolation::bicubic, 0x3e1584cd4ea015e4},
    {50, 40, 3, 45, 10, Interpolation::nearest, 0x1dcce5d9511410fa},
    {50, 40, 3, 45, 10, Interpolation::bilinear, 0xf7aab609dc9bb741},
    {50, 40, 3, 45, 10, Interpolation::bicubic, 0x05ef0e305e0597c3},
    {20, 90, 3, 33, 31, Interpolation::nearest, 0xa8c516c7fb893924},
    {20, 90, 3, 33, 31, Interpolation::bilinear, 0x18e68a860baf6f40},
    {20, 90, 3, 33, 31, Interpolation::bicubic, 0x642ed19a3b34f228},
    {31, 17, 1, 64, 64, Interpolation::nearest, 0x67f05f62186b94e7},
    {31, 17, 1, 64, 64, Interpolation::bilinear, 0x6314202a07c7a515},
    {31, 17, 1, 64, 64, Interpolation::bicubic, 0xd8d20a15e836e69c},
    {64, 48, 3, 64, 7, Interpolation::nearest, 0xe820bc37d287254b},
    {64, 48, 3, 64, 7, Interpolation::bilinear, 0xfe53bc9996deb354},
    {64, 48, 3, 64, 7, Interpolation::bicubic, 0x2a714a8c40ad464b},
    {64, 48, 3, 7, 48, Interpolation::nearest, 0xf039cfd6a52d74b2},
    {64, 48, 3, 7, 48, Interpolation::bilinear, 0x64d2a40cb59210b2},
    {64, 48, 3, 7, 48, Interpolation::bicubic, 0xff11f17c639ba76d},
    {1, 1, 3, 5, 4, Interpolation::nearest, 0xa7e455ce93508865},
    {1, 1, 3, 5, 4, Interpolation::bilinear, 0xa7e455ce93508865},
    {1, 1, 3, 5, 4, Interpolation::bicubic, 0xa7e455ce93508865},
    {200, 3, 1, 1, 1, Interpolation::nearest, 0xaf63e44c8601fa24},
    {200, 3, 1, 1, 1, Interpolation::bilinear, 0xaf63f24c860211ee},
    {200, 3, 1, 1, 1, Interpolation::bicubic, 0xaf63f24c860211ee},
    {37, 53, 3, 36, 52, Interpolation::nearest, 0xda248435edf4b9a6},
    {37, 53, 3, 36, 52, Interpolation::bilinear, 0xc333f9ce82726551},
    {37, 53, 3, 36, 52, Interpolation::bicubic, 0xaefe75e4e579c023},
};

TEST(Image, ResizesToThePixelsOfPillow) {
  for (const Resized& c : kResized) {
    const Image out = resize(make_pattern(c.width, c.height, c.channels), c.to_width, c.to_height, c.interpolation);
    EXPECT_EQ(out.width, c.to_width);
    EXPECT_EQ(out.height, c.to_height);
    EXPECT_EQ(fnv(out), c.pixels) << c.width << "x" << c.height << " to " << c.to_width << "x" << c.to_height
                                  << " filter " << static_cast<int>(c.interpolation);
  }
}

TEST(Image, ResizeRefusesNothingAsASize) {
  EXPECT_THROW(resize(make_pattern(3, 3, 1), 0, 3, Interpolation::bilinear), Error);
}

TEST(Image, CropsTheCentre) {
  const Image crop = center_crop(make_pattern(7, 6, 1), 4, 3);
  const Image whole = make_pattern(7, 6, 1);
  EXPECT_EQ(crop.row(0)[0], whole.row(1)[1]);  // (7 - 4) / 2 and (6 - 3) / 2, rounded down
  EXPECT_EQ(crop.row(2)[3], whole.row(3)[4]);
  EXPECT_THROW(center_crop(whole, 8, 2), Error);
}

ErrorKind kind_of(std::span<const std::uint8_t> bytes) {
  try {
    decode_image(bytes, Channels::rgb);
  } catch (const Error& error) {
    return error.info().kind;
  }
  return ErrorKind::internal;
}

TEST(Image, RefusesATruncatedPictureAtEveryLength) {
  for (const Decoded& c : kDecoded) {
    const std::string text = octet::testing::read_file(corpus(c.file));
    const std::span bytes(reinterpret_cast<const std::uint8_t*>(text.data()), text.size());
    // The last two bytes of a JPEG are its end mark, the last twelve of a PNG its end chunk.
    for (std::size_t size = 0; size + 12 < text.size(); size += 1 + size / 20) {
      EXPECT_EQ(kind_of(bytes.first(size)), ErrorKind::bad_input) << c.file << " " << size;
    }
  }
}

TEST(Image, SurvivesDamageAnywhere) {
  for (const Decoded& c : kDecoded) {
    const std::string text = octet::testing::read_file(corpus(c.file));
    for (std::size_t at = 0; at < text.size(); at += 3) {
      std::vector<std::uint8_t> bytes(text.begin(), text.end());
      bytes[at] ^= 0x55;
      try {
        const Image image = decode_image(bytes, Channels::rgb);
        EXPECT_EQ(image.pixels.size(), image.row_bytes() * static_cast<std::size_t>(image.height));
      } catch (const Error& error) {
        EXPECT_NE(error.info().kind, ErrorKind::internal) << c.file << " " << at;
      }
    }
  }
}

TEST(Image, RefusesAGigapixelPicture) {
  const std::string ppm = "P6 40000 40000 255\n";
  EXPECT_EQ(kind_of(std::span(reinterpret_cast<const std::uint8_t*>(ppm.data()), ppm.size())), ErrorKind::limit);
}

TEST(Image, KnowsPicturesByTheirNames) {
  EXPECT_TRUE(has_image_extension("a/b.JPG"));
  EXPECT_TRUE(has_image_extension("x.jpeg"));
  EXPECT_FALSE(has_image_extension("labels.csv"));
  EXPECT_FALSE(has_image_extension("png"));
}

}  // namespace
}  // namespace octet::formats
