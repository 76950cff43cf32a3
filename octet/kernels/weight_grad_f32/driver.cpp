// Cuts the images into parts and strips of rows, and the gradient into tiles.
#include <algorithm>
#include <cstring>

#include "octet/kernels/weight_grad_f32/weight_grad_f32.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kMostParts = 8, kPartFloats = 1 << 22;  // parts, and what they may take all together
constexpr std::int64_t kStripFloats = 48 * 1024;               // of x with its border: with dy's rows inside L2

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
std::int64_t aligned(std::int64_t floats) { return divide_up(floats, 16) * 16; }

struct Layout {
  std::int64_t columns, padded;       ///< output channels of a group, and with what a tile takes more
  std::int64_t channels, taps_x;      ///< of a group; taps of a row, 1 where they are neighbours in memory
  std::int64_t rows;                  ///< of one (group, ky): taps of the row times channels
  std::int64_t part;                  ///< floats of one part's sums
  std::int64_t parts, strip, strips;  ///< output rows of a strip; strips of an image
  std::int64_t x_width, x_height;     ///< of a strip of x, in pixels
  std::int64_t x_floats, dy_floats;   ///< of the copies; 0: read in place
  bool diagonal;

  Layout(const WeightGradKernel& kernel, const ConvShape& s) {
    channels = s.in_channels / s.groups;
    columns = s.out_channels / s.groups;
    diagonal = channels == 1 && columns == 1 && s.groups > 1;
    padded = diagonal ? 1 : divide_up(columns, kernel.nr) * kernel.nr;
    const bool fold = s.groups == 1 && s.dilation_w == 1;
    taps_x = fold ? 1 : s.kernel_width;
    rows = channels * s.kernel_width;
    part = aligned(s.groups * s.kernel_height * rows * padded);
    parts = std::clamp<std::int64_t>(kPartFloats / std::max<std::int64_t>(1, part), 1, std::min(kMostParts, s.batch));
    x_width = (s.out_width - 1) * s.stride_w + (s.kernel_width - 1) * s.dilation_w + 1;
    const std::int64_t reach = (s.kernel_height - 1) * s.dilation_h + 1,
                       height = (s.out_height - 1) * s.stride_h + reach;
    const bool copy = s.pad_top != 0 || s.pad_left != 0 || height > s.in_height || x_width > s.in_width;
    const std::int64_t fits = kStripFloats / std::max<std::int64_t>(1, x_width * s.in_channels);
    strip = copy ? std::clamp<std::int64_t>((fits - reach) / s.stride_h + 1, 1, s.out_height) : s.out_height;
    strips = divide_up(s.out_height, strip);
    x_height = (strip - 1) * s.stride_h + reach;
    x_floats = copy ? aligned(x_height * x_width * s.in_channels) : 0;
    dy_floats = !diagonal && (padded != columns) ? aligned(strip * s.out_width * s.groups * padded) : 0;
  }
  std::int64_t floats() const { return parts * (part + x_floats + dy_floats); }
};

// The rows of x that output rows from `oy` on read, with zeros around the image.
void copy_strip(const ConvShape& s, const Layout& l, const float* image, std::int64_t oy, float* to) {
  const std::int64_t row = l.x_width * s.in_channels;
  const std::int64_t left = std::min(s.pad_left, l.x_width),
                     inside = std::clamp<std::int64_t>(l.x_width - left, 0, s.in_width);
  for (std::int64_t r = 0; r < l.x_height; ++r, to += row) {
    const std::int64_t y = oy * s.stride_h - s.pad_top + r;
    if (y < 0 || y >= s.in_height) {
      std::fill_n(to, row, 0.0f);
      continue;
    }
    std::fill_n(to, left * s.in_channels, 0.0f);
    std::copy_n(image + y * s.in_width * s.in_channels, inside * s.in_channels, to + left * s.in_channels);
    std::fill_n(to + (left + inside) * s.in_channels, row - (left + inside) * s.in_channels, 0.0f);
  }
}

// dy's rows with every group's channels filled up to what a tile takes.
void copy_columns(const ConvShape& s, const Layout& l, const float* dy, std::int64_t pixels, float* to) {
  for (std::int64_t i = 0; i < pixels * s.groups; ++i, dy += l.columns, to += l.padded) {
    std::copy_n(dy, l.columns, to);
    std::fill_n(to + l.columns, l.padded - l.columns, 0.0f);
  }
}

void add_strip(const WeightGradKernel& kernel, const ConvShape& s, const Layout& l, PixelWalk walk, const float* x,
               std::int64_t x_row, const float* dy, float* sums) {
  for (std::int64_t ky = 0; ky < s.kernel_height; ++ky) {
    const float* line = x + ky * s.dilation_h * x_row;
    if (l.diagonal) {
      for (std::int64_t kx = 0; kx < s.kernel_width; ++kx) {
        kernel.diagonal(walk, line + kx * s.dilation_w * s.in_channels, dy, s.groups,
                        sums + (ky * s.kernel_width + kx) * s.groups);
      }
      continue;
    }
    const std::int64_t run = l.rows / l.taps_x;  // rows that are neighbours in memory
    for (std::int64_t g = 0; g < s.groups; ++g) {
      for (std::int64_t t = 0; t < l.taps_x; ++t) {
        const float* a = line + t * s.dilation_w * s.in_channels + g * l.channels;
        float* to = sums + ((g * s.kernel_height + ky) * l.rows + t * run) * l.padded;
        for (std::int64_t r = 0; r < run; r += kernel.mr) {
          const int rows = static_cast<int>(std::min<std::int64_t>(kernel.mr, run - r));
          for (std::int64_t n = 0; n < l.padded; n += kernel.nr) {
            kernel.core(walk, a + r, dy + g * l.padded + n, rows, to + r * l.padded + n, l.padded);
          }
        }
      }
    }
  }
}

// All images of one part.
void run_part(const WeightGradKernel& kernel, const ConvShape& s, const Layout& l, std::int64_t part, const float* x,
              const float* dy, float* memory) {
  float *const sums = memory, *const x_copy = sums + l.part, *const dy_copy = x_copy + l.x_floats;
  std::fill_n(sums, l.part, 0.0f);
  const std::int64_t image = s.in_height * s.in_width * s.in_channels,
                     x_row = (l.x_floats != 0 ? l.x_width : s.in_width) * s.in_channels;
  const std::int64_t out_row = s.out_width * s.out_channels;
  const std::int64_t pitch = l.dy_floats != 0 ? s.groups * l.padded : s.out_channels;
  for (std::int64_t b = part * s.batch / l.parts; b < (part + 1) * s.batch / l.parts; ++b) {
    for (std::int64_t i = 0; i < l.strips; ++i) {
      const std::int64_t oy = i * l.strip, height = std::min(l.strip, s.out_height - oy);
      const float* a = x + b * image;
      const float* from = dy + (b * s.out_height + oy) * out_row;
      if (l.x_floats != 0) copy_strip(s, l, a, oy, x_copy), a = x_copy;
      if (l.dy_floats != 0) copy_columns(s, l, from, height * s.out_width, dy_copy), from = dy_copy;
      const PixelWalk walk{.height = height,
                           .width = s.out_width,
                           .a_row = s.stride_h * x_row,
                           .a_pixel = s.stride_w * s.in_channels,
                           .b_row = s.out_width * pitch,
                           .b_pixel = pitch};
      add_strip(kernel, s, l, walk, a, x_row, from, sums);
    }
  }
}

}  // namespace

std::int64_t weight_grad_scratch_bytes(const WeightGradKernel& kernel, const ConvShape& s) {
  return Layout(kernel, s).floats() * 4;
}

void conv_weight_grad_f32(const WeightGradKernel& kernel, const ConvShape& s, const float* x, const float* dy,
                          float* dw, void* scratch, ThreadPool& pool) {
  const Layout l(kernel, s);
  auto* const memory = static_cast<float*>(scratch);
  const std::int64_t step = l.part + l.x_floats + l.dy_floats;
  if (s.batch == 0) {
    std::fill_n(dw, s.out_channels * l.channels * s.kernel_height * s.kernel_width, 0.0f);
    return;
  }
  pool.parallel_for(l.parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) run_part(kernel, s, l, p, x, dy, memory + p * step);
  });
  // Parts added in order, [g][ky][kx][c][m] turned to [g][m][c][ky][kx]; depthwise: [ky][kx][g] to [g][ky][kx].
  const std::int64_t area = s.kernel_height * s.kernel_width;
  pool.parallel_for(s.out_channels, std::max<std::int64_t>(1, 4096 / std::max<std::int64_t>(1, l.channels * area)),
                    [&](std::int64_t begin, std::int64_t end) {
                      for (std::int64_t oc = begin; oc < end; ++oc) {
                        const std::int64_t g = oc / l.columns, m = oc % l.columns;
                        for (std::int64_t i = 0; i < area * l.channels; ++i) {
                          const std::int64_t tap = i / l.channels, c = i % l.channels;
                          const std::int64_t at =
                              l.diagonal ? tap * s.groups + g : (g * area * l.channels + i) * l.padded + m;
                          double sum = 0;
                          for (std::int64_t p = 0; p < l.parts; ++p) sum += static_cast<double>(memory[p * step + at]);
                          dw[(oc * l.channels + c) * area + tap] = static_cast<float>(sum);
                        }
                      }
                    });
}

}  // namespace octet::kernels
