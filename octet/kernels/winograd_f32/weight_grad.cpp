// Blocks of tiles are transformed, and their sixteen products over tiles added to a part's sums by the cores of
// weight_grad_f32.
#include "octet/kernels/winograd_f32/weight_grad.h"

#include <algorithm>

#include "octet/kernels/weight_grad_f32/weight_grad_f32.h"
#include "octet/kernels/winograd_f32/tiles.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kBlockFloats = 96 * 1024, kMostTiles = 192, kShift = 16;
constexpr std::int64_t kMostParts = 8, kPartFloats = 1 << 22;

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

struct Layout {
  const WeightGradKernel& core;
  std::int64_t columns;  ///< of the products, filled up to whole tiles of the core
  std::int64_t tiles_y, tiles_x, tiles, block, part, parts, v_step, y_step;

  explicit Layout(const ConvShape& s) : core(select_weight_grad(s.out_channels)) {
    columns = divide_up(s.out_channels, core.nr) * core.nr;
    tiles_y = divide_up(s.out_height, 2);
    tiles_x = divide_up(s.out_width, 2);
    tiles = tiles_y * tiles_x;
    block = std::clamp<std::int64_t>(kBlockFloats / (16 * (s.in_channels + columns)), 8, kMostTiles);
    part = 16 * s.in_channels * columns;
    parts = std::clamp<std::int64_t>(kPartFloats / part, 1, std::max<std::int64_t>(1, std::min(kMostParts, s.batch)));
    v_step = block * s.in_channels + kShift;
    y_step = block * columns + kShift;
  }
  std::int64_t zeros(const ConvShape& s) const { return std::max(s.in_channels, columns); }
  std::int64_t floats(const ConvShape& s) const { return part + 16 * (v_step + y_step) + zeros(s); }
};

void read_gradients(const WinogradKernel& kernel, const ConvShape& s, const WinogradTile& t, const float* dy,
                    const float* zeros, std::int64_t step, float* v) {
  const float* pixels[4];
  for (std::int64_t k = 0; k < 4; ++k) {
    const std::int64_t y = 2 * t.y + k / 2, x = 2 * t.x + k % 2;
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
  for (std::int64_t i = 0; i < 16; ++i) {
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
  float *const sums = memory, *const v = sums + l.part, *const g = v + 16 * l.v_step, *const zeros = g + 16 * l.y_step;
  std::fill_n(sums, l.part, 0.0f);
  std::fill_n(g, 16 * l.y_step, 0.0f);  // columns that are filled up stay 0
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

// G' u G of the sixteen sums of one filter.
void write_filter(const double* u, float* dw) {
  double half[12];  // G' u, [3][4]
  for (int x = 0; x < 4; ++x) {
    const double a = u[x], b = u[4 + x], c = u[8 + x], d = u[12 + x];
    half[x] = a + 0.5 * (b + c);
    half[4 + x] = 0.5 * (b - c);
    half[8 + x] = 0.5 * (b + c) + d;
  }
  for (int y = 0; y < 3; ++y) {
    const double *h = half + 4 * y, both = 0.5 * (h[1] + h[2]);
    dw[3 * y] = static_cast<float>(h[0] + both);
    dw[3 * y + 1] = static_cast<float>(0.5 * (h[1] - h[2]));
    dw[3 * y + 2] = static_cast<float>(both + h[3]);
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
      for (std::int64_t n = 0; n < s.out_channels; ++n) {
        double u[16] = {};
        for (std::int64_t p = 0; p < l.parts; ++p) {
          const float* sums = memory + p * step + c * l.columns + n;
          for (std::int64_t i = 0; i < 16; ++i) u[i] += static_cast<double>(sums[i * s.in_channels * l.columns]);
        }
        write_filter(u, dw + (n * s.in_channels + c) * 9);
      }
    }
  });
}

}  // namespace octet::kernels
