#include "octet/formats/images/preprocess.h"

#include <gtest/gtest.h>

#include "octet/base/error.h"
#include "octet/base/testing.h"

namespace octet::formats {
namespace {

Image ramp(int width, int height) {
  Image image{width, height, 3, {}};
  for (int i = 0; i < width * height * 3; ++i) image.pixels.push_back(static_cast<std::uint8_t>(i));
  return image;
}

TEST(Preprocess, ReadsEveryKey) {
  const Preprocess p = parse_preprocess(R"({"resize": {"short_side": 256}, "interpolation": "bicubic",
      "crop": {"width": 224, "height": 200}, "channels": "BGR", "scale": 0.5, "mean": [1, 2, 3], "std": [4, 5, 6],
      "layout": "NHWC"})");
  EXPECT_EQ(p.short_side, 256);
  EXPECT_EQ(p.interpolation, Interpolation::bicubic);
  EXPECT_EQ(p.crop_width, 224);
  EXPECT_EQ(p.crop_height, 200);
  EXPECT_EQ(p.order, Preprocess::Order::bgr);
  EXPECT_EQ(p.scale, 0.5);
  EXPECT_EQ(p.mean[2], 3);
  EXPECT_EQ(p.std[0], 4);
  EXPECT_TRUE(p.nhwc);
}

TEST(Preprocess, RefusesWhatItDoesNotKnow) {
  for (const char* text :
       {"", "[]", "{\"sizes\": 3}", "{\"resize\": 3}", "{\"resize\": {\"short_side\": 0}}",
        "{\"resize\": {\"width\": 3}}", "{\"resize\": {\"short_side\": 3, \"width\": 3}}", "{\"channels\": \"RGBA\"}",
        "{\"mean\": [1, 2]}", "{\"std\": [1, 0, 1]}", "{\"scale\": \"1\"}", "{\"scale\": 0}",
        "{\"crop\": {\"width\": 1.5, \"height\": 2}}", "{\"interpolation\": \"lanczos\"}", "{\"layout\": 1}",
        "{\"channels\": \"GRAY\", \"mean\": [1, 2, 3]}", "{\"scale\": 1"}) {
    try {
      parse_preprocess(text, "p.json");
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.info().kind, ErrorKind::bad_input) << text;
      EXPECT_EQ(error.info().file, "p.json");
    }
  }
}

TEST(Preprocess, ShortSideRoundsHalvesToEvenAndNeverFallsShort) {
  Preprocess p;
  p.short_side = 2;
  const Image a = fit(p, ramp(5, 4));  // 5 * (2 / 4) = 2.5 -> 2
  EXPECT_EQ(a.width, 2);
  EXPECT_EQ(a.height, 2);
  const Image b = fit(p, ramp(4, 7));  // 3.5 -> 4
  EXPECT_EQ(b.width, 2);
  EXPECT_EQ(b.height, 4);
  const Image same = fit(p, ramp(2, 9));
  EXPECT_EQ(same.height, 9);
}

TEST(Preprocess, NormalisesAndOrdersChannels) {
  Preprocess p = parse_preprocess(R"({"channels": "BGR", "scale": 2, "mean": [1, 2, 3], "std": [1, 2, 4]})");
  const Image image = ramp(2, 1);  // pixels (0, 1, 2) and (3, 4, 5)
  const Tensor planes = to_tensor(p, image);
  EXPECT_EQ(planes.shape(), (Shape{1, 3, 1, 2}));
  EXPECT_EQ(planes.to_double(), (std::vector<double>{3, 9, 0, 3, -0.75, 0.75}));
  p.nhwc = true;
  const Tensor pixels = to_tensor(p, image);
  EXPECT_EQ(pixels.shape(), (Shape{1, 1, 2, 3}));
  EXPECT_EQ(pixels.to_double(), (std::vector<double>{3, 0, -0.75, 9, 3, 0.75}));
}

TEST(Preprocess, ReadsAPictureWhole) {
  const Preprocess p = parse_preprocess(R"({"resize": {"width": 8, "height": 6}, "channels": "GRAY"})");
  const Tensor tensor = load_picture(p, (octet::testing::source_dir("tests/corpus/images") / "rgb.png").string());
  EXPECT_EQ(tensor.shape(), (Shape{1, 1, 6, 8}));
  try {
    load_picture(parse_preprocess(R"({"crop": {"width": 99, "height": 9}})"),
                 (octet::testing::source_dir("tests/corpus/images") / "rgb.png").string());
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_NE(error.info().file.find("rgb.png"), std::string::npos);
  }
}

}  // namespace
}  // namespace octet::formats
