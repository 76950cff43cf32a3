#include "octet/ops/resize_taps.h"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace octet::ops {
namespace {

std::string one_of(const Attributes& attributes, const char* name, const std::string& fallback,
                   std::initializer_list<const char*> words) {
  const std::string text = attributes.text(name, fallback);
  std::string list;
  for (const char* word : words) {
    if (text == word) return text;
    list += (list.empty() ? "" : ", ") + std::string(word);
  }
  throw Error(ErrorKind::bad_input, std::string("unknown ") + name).value(text).expected(list);
}

// Where output position p lies in the input. Single precision, as ONNX Runtime computes it: a picture's
// nearest neighbours depend on the last bit.
float source_of(const std::string& mode, const ResizeAxis& axis, std::int64_t position) {
  const auto p = static_cast<float>(position), in = static_cast<float>(axis.in), length = axis.length;
  if (mode == "asymmetric") return p / axis.scale;
  if (mode == "pytorch_half_pixel") return axis.out > 1 ? (p + 0.5f) / axis.scale - 0.5f : 0.0f;
  if (mode == "tf_half_pixel_for_nn") return (p + 0.5f) / axis.scale;
  if (mode == "align_corners") return length == 1 ? 0.0f : p * (in - 1) / (length - 1);
  if (mode == "half_pixel_symmetric") {
    const float adjustment = static_cast<float>(axis.out) / length, center = in / 2;
    return center * (1 - adjustment) + (p + 0.5f) / axis.scale - 0.5f;
  }
  if (mode == "tf_crop_and_resize") {
    if (length == 1) return 0.5f * (axis.roi_start + axis.roi_end) * (in - 1);
    return axis.roi_start * (in - 1) + p * (axis.roi_end - axis.roi_start) * (in - 1) / (length - 1);
  }
  return (p + 0.5f) / axis.scale - 0.5f;
}

std::int64_t to_index(float x, std::int64_t in) {
  // The last position may not be a float: clamp once more as an integer.
  const auto index = static_cast<std::int64_t>(std::clamp(x, 0.0f, static_cast<float>(in - 1)));
  return std::min(index, in - 1);
}

std::int64_t nearest_of(const ResizeOptions& options, const ResizeAxis& axis, float x) {
  if (options.nearest == "simple") return to_index(axis.scale < 1 ? std::ceil(x) : std::trunc(x), axis.in);
  if (options.nearest == "floor") return to_index(std::floor(x), axis.in);
  if (options.nearest == "ceil") return to_index(std::ceil(x), axis.in);
  const bool tie = x - std::floor(x) == 0.5f;
  if (options.nearest == "round_prefer_floor" && tie) return to_index(std::floor(x), axis.in);
  return to_index(std::floor(x + 0.5f), axis.in);
}

double cubic_weight(double distance, double a) {
  const double x = std::abs(distance), x2 = x * x, x3 = x2 * x;
  if (x <= 1) return (a + 2) * x3 - (a + 3) * x2 + 1;
  return x < 2 ? a * x3 - 5 * a * x2 + 8 * a * x - 4 * a : 0;
}

double filter_weight(const ResizeOptions& options, double distance) {
  if (options.mode == ResizeMode::cubic) return cubic_weight(distance, options.cubic_a);
  return std::max(0.0, 1 - std::abs(distance));
}

// The interpolation filter around x: taps at left + first, ..., with left the pixel at or before x.
// Antialiasing widens the filter by the factor of reduction.
class Filter {
 public:
  Filter(const ResizeOptions& options, const ResizeAxis& axis) : options_(options), axis_(axis) {
    const double reach = options.mode == ResizeMode::cubic ? 2 : 1;
    stretch_ = options.antialias ? std::min<double>(axis.scale, 1) : 1;
    first_ = static_cast<std::int64_t>(std::floor(-reach / stretch_)) + 1;
    count_ = 2 - 2 * first_;
  }
  std::int64_t count() const { return count_; }

  void append(float x, Taps& taps) const {
    const auto limit = static_cast<float>(axis_.in) + static_cast<float>(count_);
    const double at = std::clamp(x, -limit, limit), left = std::ceil(at) - 1;
    std::vector<double> weights;
    double total = 0;
    for (std::int64_t t = 0; t < count_; ++t) {
      const auto offset = static_cast<double>(first_ + t);
      const auto index = static_cast<std::int64_t>(left) + first_ + t;
      const bool inside = index >= 0 && index < axis_.in;
      const double weight =
          options_.exclude_outside && !inside ? 0 : filter_weight(options_, (offset - (at - left)) * stretch_);
      weights.push_back(weight);
      total += weight;
      taps.index.push_back(std::clamp<std::int64_t>(index, 0, axis_.in - 1));
    }
    const bool normalize = (options_.antialias || options_.exclude_outside) && total != 0;
    for (const double weight : weights) taps.weight.push_back(static_cast<float>(normalize ? weight / total : weight));
  }

 private:
  const ResizeOptions& options_;
  const ResizeAxis& axis_;
  double stretch_ = 1;
  std::int64_t first_ = 0, count_ = 0;
};

bool is_identity(const Taps& taps, const ResizeAxis& axis) {
  if (axis.in != axis.out || taps.any_outside) return false;
  for (std::int64_t p = 0; p < axis.out; ++p) {
    for (std::int64_t t = p * taps.count; t < (p + 1) * taps.count; ++t) {
      const auto at = static_cast<std::size_t>(t);
      if (taps.index[at] != p && taps.weight[at] != 0) return false;
    }
  }
  return true;
}

}  // namespace

ResizeOptions resize_options(const Attributes& attributes, const std::string& op_type, int opset) {
  ResizeOptions out;
  const std::string mode = one_of(attributes, "mode", "nearest", {"nearest", "linear", "cubic"});
  out.mode = mode == "nearest" ? ResizeMode::nearest : mode == "linear" ? ResizeMode::linear : ResizeMode::cubic;
  if (op_type == "Upsample" || opset < 11) {
    out.coordinates = "asymmetric";
    out.nearest = "simple";
    return out;
  }
  out.coordinates = one_of(attributes, "coordinate_transformation_mode", "half_pixel",
                           {"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric",
                            "tf_half_pixel_for_nn", "tf_crop_and_resize"});
  out.nearest = one_of(attributes, "nearest_mode", "round_prefer_floor",
                       {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"});
  out.aspect = one_of(attributes, "keep_aspect_ratio_policy", "stretch", {"stretch", "not_larger", "not_smaller"});
  out.cubic_a = static_cast<double>(attributes.real("cubic_coeff_a", -0.75f));
  out.outside_value = attributes.real("extrapolation_value", 0);
  out.exclude_outside = attributes.integer("exclude_outside", 0) != 0;
  out.antialias = attributes.integer("antialias", 0) != 0;
  return out;
}

Taps make_taps(const ResizeOptions& options, const ResizeAxis& axis) {
  Taps taps;
  const Filter filter(options, axis);
  const bool nearest = options.mode == ResizeMode::nearest;
  if (!nearest) taps.count = filter.count();
  for (std::int64_t p = 0; p < axis.out; ++p) {
    const float x = source_of(options.coordinates, axis, p);
    const bool outside =
        options.coordinates == "tf_crop_and_resize" && !(x >= 0 && x <= static_cast<float>(axis.in - 1));
    taps.outside.push_back(outside);
    taps.any_outside = taps.any_outside || outside;
    if (nearest) {
      taps.index.push_back(nearest_of(options, axis, std::isnan(x) ? 0 : x));
      taps.weight.push_back(1);
    } else {
      filter.append(std::isnan(x) ? 0 : x, taps);
    }
  }
  // A scale of 1 resizes nothing, even where a coordinate mode is off by half a pixel.
  const bool untouched = axis.scale == 1 && axis.in == axis.out && options.coordinates != "tf_crop_and_resize";
  taps.identity = untouched || is_identity(taps, axis);
  return taps;
}

}  // namespace octet::ops
