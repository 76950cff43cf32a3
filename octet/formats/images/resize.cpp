// Resampling in 8-bit fixed point: a weighted mean of the source pixels under a filter that widens
// with the shrinking factor, along one axis and then the other, each rounded to 8 bits.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "octet/base/error.h"
#include "octet/formats/images/decode.h"

namespace octet::formats {
namespace {

constexpr int kPrecisionBits = 22;  // 32 bits less 8 for the pixel and 2 for the sum of weights

double triangle(double x) { return std::max(0.0, 1.0 - std::abs(x)); }

// Keys' cubic with a = -1/2.
double cubic(double x) {
  x = std::abs(x);
  if (x < 1.0) return (1.5 * x - 2.5) * x * x + 1.0;
  if (x < 2.0) return ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0;
  return 0.0;
}

// The weights of one axis: output i is the sum of weights[i * width + k] * source[first[i] + k].
struct Weights {
  int width = 0;
  std::vector<int> first, count;
  std::vector<std::int32_t> weights;
};

Weights make_weights(int from, int to, Interpolation interpolation) {
  const double scale = static_cast<double>(from) / to;
  const double stretch = std::max(scale, 1.0);
  const double support = (interpolation == Interpolation::bicubic ? 2.0 : 1.0) * stretch;
  Weights out;
  out.width = static_cast<int>(std::ceil(support)) * 2 + 1;
  out.first.resize(static_cast<std::size_t>(to));
  out.count.resize(static_cast<std::size_t>(to));
  out.weights.resize(static_cast<std::size_t>(to) * static_cast<std::size_t>(out.width));
  std::vector<double> real(static_cast<std::size_t>(out.width));
  for (int i = 0; i < to; ++i) {
    const double center = (i + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(std::floor(center - support + 0.5)));
    const int last = std::min(from, static_cast<int>(std::floor(center + support + 0.5)));
    double sum = 0;
    for (int k = 0; k < last - first; ++k) {
      const double distance = (k + first - center + 0.5) * (1.0 / stretch);
      const double weight = interpolation == Interpolation::bicubic ? cubic(distance) : triangle(distance);
      real[static_cast<std::size_t>(k)] = weight;
      sum += weight;
    }
    out.first[static_cast<std::size_t>(i)] = first;
    out.count[static_cast<std::size_t>(i)] = last - first;
    std::int32_t* row = out.weights.data() + static_cast<std::size_t>(i) * static_cast<std::size_t>(out.width);
    for (int k = 0; k < last - first; ++k) {
      const double weight = sum != 0.0 ? real[static_cast<std::size_t>(k)] / sum : real[static_cast<std::size_t>(k)];
      row[k] = static_cast<std::int32_t>(weight * (1 << kPrecisionBits) + (weight < 0 ? -0.5 : 0.5));
    }
  }
  return out;
}

std::uint8_t to_pixel(std::int32_t sum) { return static_cast<std::uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255)); }

constexpr std::int32_t kHalf = 1 << (kPrecisionBits - 1);

Image resize_columns(const Image& image, int width, Interpolation interpolation) {
  const Weights w = make_weights(image.width, width, interpolation);
  Image out = make_image(width, image.height, image.channels);
  const int channels = image.channels;
  for (int y = 0; y < image.height; ++y) {
    const std::uint8_t* from = image.row(y);
    std::uint8_t* to = out.row(y);
    for (int x = 0; x < width; ++x) {
      const auto i = static_cast<std::size_t>(x);
      const std::int32_t* weight = w.weights.data() + i * static_cast<std::size_t>(w.width);
      const std::uint8_t* first = from + static_cast<std::ptrdiff_t>(w.first[i]) * channels;
      for (int c = 0; c < channels; ++c) {
        std::int32_t sum = kHalf;
        for (int k = 0; k < w.count[i]; ++k) sum += first[k * channels + c] * weight[k];
        *to++ = to_pixel(sum);
      }
    }
  }
  return out;
}

Image resize_rows(const Image& image, int height, Interpolation interpolation) {
  const Weights w = make_weights(image.height, height, interpolation);
  Image out = make_image(image.width, height, image.channels);
  std::vector<std::int32_t> sums(image.row_bytes());
  for (int y = 0; y < height; ++y) {
    const auto i = static_cast<std::size_t>(y);
    const std::int32_t* weight = w.weights.data() + i * static_cast<std::size_t>(w.width);
    std::fill(sums.begin(), sums.end(), kHalf);
    for (int k = 0; k < w.count[i]; ++k) {
      const std::uint8_t* from = image.row(w.first[i] + k);
      for (std::size_t x = 0; x < sums.size(); ++x) sums[x] += from[x] * weight[k];
    }
    std::transform(sums.begin(), sums.end(), out.row(y), to_pixel);
  }
  return out;
}

// The source pixel under the centre of each output pixel; the position is summed up step by step, so
// that its rounding errors are those of Pillow.
std::vector<int> nearest_indices(int from, int to) {
  std::vector<int> out(static_cast<std::size_t>(to));
  const double step = static_cast<double>(from) / to;
  double at = step * 0.5;
  for (int& index : out) {
    index = std::clamp(static_cast<int>(at), 0, from - 1);
    at += step;
  }
  return out;
}

Image resize_nearest(const Image& image, int width, int height) {
  Image out = make_image(width, height, image.channels);
  const std::vector<int> columns = nearest_indices(image.width, width), rows = nearest_indices(image.height, height);
  for (int y = 0; y < height; ++y) {
    const std::uint8_t* from = image.row(rows[static_cast<std::size_t>(y)]);
    std::uint8_t* to = out.row(y);
    for (const int x : columns)
      to = std::copy_n(from + static_cast<std::ptrdiff_t>(x) * image.channels, image.channels, to);
  }
  return out;
}

// Which axis comes first shows in the rounding between the passes. Pillow 13 takes the rows first where
// the height loses more than twice what the width does; before that it always took the columns.
bool rows_first(const Image& image, int width, int height) {
  return height < image.height && image.height - height > 2 * (image.width - width);
}

}  // namespace

Image resize(const Image& image, int width, int height, Interpolation interpolation) {
  if (width < 1 || height < 1) {
    throw Error(ErrorKind::usage, "a picture cannot be resized to nothing").value(fmt::format("{}x{}", width, height));
  }
  if (width == image.width && height == image.height) return image;
  if (interpolation == Interpolation::nearest) return resize_nearest(image, width, height);
  if (height == image.height) return resize_columns(image, width, interpolation);
  if (width == image.width) return resize_rows(image, height, interpolation);
  if (rows_first(image, width, height)) {
    return resize_columns(resize_rows(image, height, interpolation), width, interpolation);
  }
  return resize_rows(resize_columns(image, width, interpolation), height, interpolation);
}

}  // namespace octet::formats
