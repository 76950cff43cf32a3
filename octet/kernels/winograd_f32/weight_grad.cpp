// Blocks of tiles are transformed, and their 36 products over tiles added to a part's sums by the cores of
// weight_grad_f32.
#include "octet/kernels/winograd_f32/weight_grad.h"

#include <algorithm>

#include "octet/kernels/weight_grad_f32/weight_grad_f32.h"
#include "octet/kernels/winograd_f32/tiles.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kBlockFloats = 96 * 1024, kLeastTiles = 32, kMostTiles = 64;
constexpr std::int64_t kShift = 16;       // floats between the planes of points, so that they do not share cache sets
constexpr std::int64_t kPartTiles = 128;  // the least that is worth sums of its own
constexpr std::int64_t kPoints = kWinogradPoints;
constexpr std::int64_t kMostParts = 8, kPartFloats = 1 << 22;

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

struct Layout {
  const WeightGradKernel& core;
  std::int64_t columns;  ///< of the products, filled up to whole tiles of the core
  std::int64_t tiles_y, tiles_x, tiles, block, part, parts, v_step, y_step;

  explicit Layout(const ConvShape& s) : core(select_weight_grad(s.out_channels)) {
    columns = divide_up(s.out_channels, core.nr) * core.nr;
    tiles_y = divide_up(s.out_height, kWinogradOutputs);
    tiles_x = divide_up(s.out_width, kWinogradOutputs);
    tiles = tiles_y * tiles_x;
    block = std::clamp<std::int64_t>(kBlockFloats / (kPoints * (s.in_channels + columns)), kLeastTiles, kMostTiles);
    part = kPoints * s.in_channels * columns;
    const std::int64_t most = std::min({kMostParts, s.batch, s.batch * tiles / kPartTiles});
    parts = std::clamp<std::int64_t>(kPartFloats / part, 1, std::max<std::int64_t>(1, most));
    v_step = block * s.in_channels + kShift;
    y_step = block * columns + kShift;
  }
  std::int64_t zeros(const ConvShape& s) const { return std::max(s.in_channels, columns); }
  std::int64_t floats(const ConvShape& s) const { return part + kPoints * (v_step + y_step) + zeros(s); }
};

void read_gradients(const WinogradKernel& kernel, const ConvShape& s, const WinogradTile& t, const float* dy,
                    const float* zeros, std::int64_t step, float* v) {
  constexpr std::int64_t kEdge = kWinogradOutputs;
  const float* pixels[kEdge * kEdge];
  for (std::int64_t k = 0; k < kEdge * kEdge; ++k) {
    const std::int64_t y = kEdge * t.y + k / kEdge, x = kEdge * t.x + k % kEdge;
    const bool inside = y < s.out_height && x < s.out_width;
    pixels[k] = inside ? dy + ((t.image * s.out_height + y) * s.out_width + x) * s.out_channels : zeros;
  }
  kernel.gradient(pixels, s.out_channels, step, v);
}

// sums[i][c][n] += sum over tiles of v[i][tile][c] * g[i][tile][n]
void add_products(const ConvShape& s, const Layout& l, std::int64_t tiles, const float* v, const float* g,
                  float* sums) {
  const PixelWalk walk{
      .height = 1, .width = tiles, .a_row = 0, .a_pixel = s.in_channels, .b_row = 0, .b_pixel = l.columns};
  for (std::int64_t i = 0; i < kPoints; ++i) {
    for (std::int64_t c = 0; c < s.in_channels; c += l.core.mr) {
      const int rows = static_cast<int>(std::min<std::int64_t>(l.core.mr, s.in_channels - c));
      for (std::int64_t n = 0; n < l.columns; n += l.core.nr) {
        l.core.core(walk, v + i * l.v_step + c, g + i * l.y_step + n, rows,
                    sums + (i * s.in_channels + c) * l.columns + n, l.columns);
      }
    }
  }
}

void run_part(const WinogradKernel& kernel, const ConvShape& s, const Layout& l, std::int64_t part, const float* x,
              const float* dy, float* memory) {
  float *const sums = memory, *const v = sums + l.part, *const g = v + kPoints * l.v_step,
               *const zeros = g + kPoints * l.y_step;
  std::fill_n(sums, l.part, 0.0f);
  if (l.columns != s.out_channels) std::fill_n(g, kPoints * l.y_step, 0.0f);  // columns that are filled up stay 0
  std::fill_n(zeros, l.zeros(s), 0.0f);
  const std::int64_t first = part * s.batch / l.parts * l.tiles, last = (part + 1) * s.batch / l.parts * l.tiles;
  for (std::int64_t begin = first; begin < last; begin += l.block) {
    const std::int64_t count = std::min(l.block, last - begin);
    for (std::int64_t t = 0; t < count; ++t) {
      const std::int64_t index = begin + t;
      const WinogradTile tile{index / l.tiles, index % l.tiles / l.tiles_x, index % l.tiles_x};
      read_patch(kernel, s, tile, x, zeros, l.v_step, v + t * s.in_channels);
      read_gradients(kernel, s, tile, dy, zeros, l.y_step, g + t * l.columns);
    }
    add_products(s, l, count, v, g, sums);
  }
}

constexpr std::int64_t kChunk = 16;  // filters transformed side by side

// G' of six numbers.
void filter_line(const double* u, std::int64_t step, double* out, std::int64_t out_step) {
  const double near_sum = u[step] + u[2 * step], near_difference = u[step] - u[2 * step];
  const double far_sum = u[3 * step] + u[4 * step], far_difference = u[3 * step] - u[4 * step];
  out[0] = u[0] / 4 - near_sum / 6 + far_sum / 24;
  out[out_step] = far_difference / 12 - near_difference / 6;
  out[2 * out_step] = (far_sum - near_sum) / 6 + u[5 * step];
}

// G' u G of the sums of filters n to n + count at input channel c, u the sum over parts.
void write_filters(const ConvShape& s, const Layout& l, const float* memory, std::int64_t c, std::int64_t n,
                   std::int64_t count, float* dw) {
  double u[kPoints * kChunk] = {}, half[18 * kChunk], filters[9 * kChunk];
  for (std::int64_t p = 0; p < l.parts; ++p) {
    const float* sums = memory + p * l.floats(s) + c * l.columns + n;
    for (std::int64_t i = 0; i < kPoints; ++i, sums += s.in_channels * l.columns) {
      for (std::int64_t k = 0; k < count; ++k) u[i * kChunk + k] += static_cast<double>(sums[k]);
    }
  }
  for (std::int64_t x = 0; x < 6; ++x) {
    for (std::int64_t k = 0; k < kChunk; ++k)
      filter_line(u + x * kChunk + k, 6 * kChunk, half + x * kChunk + k, 6 * kChunk);
  }
  for (std::int64_t y = 0; y < 3; ++y) {
    for (std::int64_t k = 0; k < kChunk; ++k)
      filter_line(half + 6 * y * kChunk + k, kChunk, filters + 3 * y * kChunk + k, kChunk);
  }
  for (std::int64_t k = 0; k < count; ++k) {
    float* to = dw + ((n + k) * s.in_channels + c) * 9;
    for (std::int64_t i = 0; i < 9; ++i) to[i] = static_cast<float>(filters[i * kChunk + k]);
  }
}

}  // namespace

std::int64_t winograd_weight_grad_scratch(const ConvShape& s) {
  const Layout l(s);
  return 4 * l.parts * l.floats(s);
}

void winograd_weight_grad_f32(const ConvShape& s, const float* x, const float* dy, float* dw, void* scratch,
                              ThreadPool& pool) {
  winograd_weight_grad_f32(select_winograd(), s, x, dy, dw, scratch, pool);
}

void winograd_weight_grad_f32(const WinogradKernel& kernel, const ConvShape& s, const float* x, const float* dy,
                              float* dw, void* scratch, ThreadPool& pool) {
  const Layout l(s);
  auto* const memory = static_cast<float*>(scratch);
  const std::int64_t step = l.floats(s);
  pool.parallel_for(l.parts, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t p = begin; p < end; ++p) run_part(kernel, s, l, p, x, dy, memory + p * step);
  });
  pool.parallel_for(s.in_channels, 4, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t c = begin; c < end; ++c) {
      for (std::int64_t n = 0; n < s.out_channels; n += kChunk)
        write_filters(s, l, memory, c, n, std::min(kChunk, s.out_channels - n), dw);
    }
  });
}

}  // namespace octet::kernels
