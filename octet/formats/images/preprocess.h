// How a picture becomes a network's input: the JSON file of `--preprocess`, or preprocess.json beside a model.
//
//   {"resize": {"short_side": 256}, "interpolation": "bilinear", "crop": {"width": 224, "height": 224},
//    "channels": "RGB", "scale": 0.00392156862745098, "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225],
//    "layout": "NCHW"}
#pragma once

#include <array>
#include <string>

#include "octet/formats/images/image.h"
#include "octet/tensor/tensor.h"

namespace octet::formats {

struct Preprocess {
  enum class Order { rgb, bgr, grey };

  int short_side = 0;         ///< 0: no such resize
  int width = 0, height = 0;  ///< 0: no such resize
  Interpolation interpolation = Interpolation::bilinear;
  int crop_width = 0, crop_height = 0;  ///< 0: no crop
  Order order = Order::rgb;
  double scale = 1;
  std::array<double, 3> mean = {0, 0, 0}, std = {1, 1, 1};  ///< in the order of the channels
  bool nhwc = false;

  int channels() const { return order == Order::grey ? 1 : 3; }
};

/// Throws bad_input for anything unknown, missing or out of range, naming the key.
Preprocess parse_preprocess(const std::string& json, const std::string& file = {});
Preprocess load_preprocess(const std::string& path);

/// Resize and crop. short_side s of a picture w x h: each side becomes max(s, round(side * (s / min(w, h)))),
/// halves to even; a picture whose short side is s is left alone.
Image fit(const Preprocess& preprocess, const Image& image);
/// x = (pixel * scale - mean) / std, float32 [1, C, H, W] or [1, H, W, C].
Tensor to_tensor(const Preprocess& preprocess, const Image& image);
/// Reads the file, fits it and converts it.
Tensor load_picture(const Preprocess& preprocess, const std::string& path, DecodeNotes* notes = nullptr);

}  // namespace octet::formats
