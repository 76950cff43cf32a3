#include "octet/formats/images/preprocess.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <vector>

#include "octet/base/error.h"
#include "octet/base/read_file.h"

namespace octet::formats {
namespace {

using nlohmann::json;

constexpr int kMaxSide = 1 << 15;

Error bad(const std::string& key, const json& value, const std::string& expected) {
  return Error(ErrorKind::bad_input, fmt::format("\"{}\" in the preprocessing is wrong", key))
      .value(value.dump(-1, ' ', false, json::error_handler_t::replace))
      .expected(expected);
}

void allow_only(const json& object, const std::string& where, const std::vector<std::string>& keys) {
  if (!object.is_object()) throw bad(where, object, "an object");
  for (const auto& [key, value] : object.items()) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      throw Error(ErrorKind::bad_input, "unknown key in the preprocessing")
          .value(key)
          .expected(fmt::format("one of {}", fmt::join(keys, ", ")));
    }
  }
}

int side(const json& object, const std::string& key) {
  const json value = object.value(key, json());
  if (!value.is_number_integer() || value < 1 || value > kMaxSide) {
    throw bad(key, value, fmt::format("a whole number between 1 and {}", kMaxSide));
  }
  return value.get<int>();
}

double real(const json& value, const std::string& key, bool zero_allowed) {
  if (!value.is_number() || !std::isfinite(value.get<double>()) || (!zero_allowed && value.get<double>() == 0)) {
    throw bad(key, value, zero_allowed ? "a finite number" : "a finite number other than 0");
  }
  return value.get<double>();
}

/// A word as its place among `words`.
std::size_t choice(const json& root, const std::string& key, const std::vector<std::string>& words,
                   std::size_t fallback) {
  if (!root.contains(key)) return fallback;
  const json& value = root[key];
  const auto found = std::find_if(words.begin(), words.end(), [&](const std::string& word) { return value == word; });
  if (found == words.end()) throw bad(key, value, fmt::format("one of {}", fmt::join(words, ", ")));
  return static_cast<std::size_t>(found - words.begin());
}

void read_channels(const json& root, const std::string& key, int channels, bool zero_allowed,
                   std::array<double, 3>& out) {
  if (!root.contains(key)) return;
  const json& list = root[key];
  if (!list.is_array() || list.size() != static_cast<std::size_t>(channels)) {
    throw bad(key, list, fmt::format("a list of {}, one a channel", channels));
  }
  for (std::size_t c = 0; c < list.size(); ++c) out[c] = real(list[c], key, zero_allowed);
}

Preprocess from_json(const json& root) {
  allow_only(root, "the whole", {"resize", "interpolation", "crop", "channels", "scale", "mean", "std", "layout"});
  Preprocess out;
  if (root.contains("resize")) {
    const json& resize = root["resize"];
    allow_only(resize, "resize", {"short_side", "width", "height"});
    if (resize.contains("short_side")) {
      allow_only(resize, "resize", {"short_side"});
      out.short_side = side(resize, "short_side");
    } else {
      out.width = side(resize, "width");
      out.height = side(resize, "height");
    }
  }
  if (root.contains("crop")) {
    allow_only(root["crop"], "crop", {"width", "height"});
    out.crop_width = side(root["crop"], "width");
    out.crop_height = side(root["crop"], "height");
  }
  constexpr std::array kInterpolations = {Interpolation::bilinear, Interpolation::bicubic, Interpolation::nearest};
  out.interpolation = kInterpolations[choice(root, "interpolation", {"bilinear", "bicubic", "nearest"}, 0)];
  constexpr std::array kOrders = {Preprocess::Order::rgb, Preprocess::Order::bgr, Preprocess::Order::grey};
  out.order = kOrders[choice(root, "channels", {"RGB", "BGR", "GRAY"}, 0)];
  out.nhwc = choice(root, "layout", {"NCHW", "NHWC"}, 0) == 1;
  if (root.contains("scale")) out.scale = real(root["scale"], "scale", false);
  read_channels(root, "mean", out.channels(), true, out.mean);
  read_channels(root, "std", out.channels(), false, out.std);
  return out;
}

}  // namespace

Preprocess parse_preprocess(const std::string& text, const std::string& file) {
  try {
    return from_json(json::parse(text));
  } catch (const json::parse_error& error) {
    throw Error(ErrorKind::bad_input, "the preprocessing is no valid JSON").file(file).offset(error.byte);
  } catch (Error& error) {
    throw error.file(file);
  }
}

Preprocess load_preprocess(const std::string& path) { return parse_preprocess(read_file(path), path); }

Image fit(const Preprocess& preprocess, const Image& image) {
  int width = image.width, height = image.height;
  if (preprocess.short_side != 0 && std::min(width, height) != preprocess.short_side) {
    const double factor = static_cast<double>(preprocess.short_side) / std::min(width, height);
    width = std::max(preprocess.short_side, static_cast<int>(std::nearbyint(width * factor)));
    height = std::max(preprocess.short_side, static_cast<int>(std::nearbyint(height * factor)));
  } else if (preprocess.width != 0) {
    width = preprocess.width;
    height = preprocess.height;
  }
  Image sized = resize(image, width, height, preprocess.interpolation);
  if (preprocess.crop_width == 0) return sized;
  return center_crop(sized, preprocess.crop_width, preprocess.crop_height);
}

Tensor to_tensor(const Preprocess& preprocess, const Image& image) {
  const auto channels = static_cast<std::size_t>(image.channels);
  const std::size_t pixels = image.pixels.size() / channels;
  Tensor out(DType::f32, preprocess.nhwc ? Shape{1, image.height, image.width, image.channels}
                                         : Shape{1, image.channels, image.height, image.width});
  auto* data = out.data<float>();
  for (std::size_t c = 0; c < channels; ++c) {
    std::array<float, 256> table;
    for (std::size_t v = 0; v < table.size(); ++v) {
      table[v] =
          static_cast<float>((static_cast<double>(v) * preprocess.scale - preprocess.mean[c]) / preprocess.std[c]);
    }
    const std::size_t from = preprocess.order == Preprocess::Order::bgr ? channels - 1 - c : c;
    const std::size_t begin = preprocess.nhwc ? c : c * pixels, step = preprocess.nhwc ? channels : 1;
    for (std::size_t i = 0; i < pixels; ++i) data[begin + i * step] = table[image.pixels[i * channels + from]];
  }
  return out;
}

Tensor load_picture(const Preprocess& preprocess, const std::string& path, DecodeNotes* notes) {
  const Channels channels = preprocess.order == Preprocess::Order::grey ? Channels::grey : Channels::rgb;
  try {
    return to_tensor(preprocess, fit(preprocess, load_image(path, channels, notes)));
  } catch (Error& error) {
    throw error.file(path);
  }
}

}  // namespace octet::formats
