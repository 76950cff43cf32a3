// Tiles in blocks whose transforms fit the second cache, and their 36 matrix products by the igemm_f32 cores.
#include <algorithm>
#include <array>
#include <vector>

#include "octet/kernels/igemm_f32/igemm_f32.h"
#include "octet/kernels/winograd_f32/kernels.h"
#include "octet/kernels/winograd_f32/tiles.h"
#include "octet/kernels/winograd_f32/winograd_f32.h"

namespace octet::kernels {
namespace {

constexpr std::array kTable = {&winograd_avx512, &winograd_avx2, &winograd_reference};
constexpr std::int64_t kBlockFloats = 160 * 1024, kMostTiles = 192;
constexpr std::int64_t kMostChannels = 4096;
constexpr std::int64_t kShift = 16;  // floats between the planes of points, so that they do not share cache sets
constexpr std::int64_t kPoints = kWinogradPoints;

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }

struct Layout {
  const IgemmKernel& core;
  std::int64_t panels, columns;  ///< of the products; columns filled up to whole panels
  std::int64_t tiles_y, tiles_x, tiles, block;

  explicit Layout(const ConvShape& s) : core(select_igemm_f32(s.out_channels)) {
    panels = divide_up(s.out_channels, core.nr);
    columns = panels * core.nr;
    tiles_y = divide_up(s.out_height, kWinogradOutputs);
    tiles_x = divide_up(s.out_width, kWinogradOutputs);
    tiles = s.batch * tiles_y * tiles_x;
    const std::int64_t fits = kBlockFloats / (kPoints * (s.in_channels + columns));
    block = std::min(std::clamp<std::int64_t>(fits / core.mr * core.mr, core.mr, kMostTiles),
                     std::max<std::int64_t>(1, tiles));
  }
};

constexpr std::int64_t kMostColumns = 64;  // of a panel

// G of three numbers.
void filter_line(const float* g, std::int64_t step, float* out, std::int64_t out_step) {
  const float ends = g[0] + g[2 * step], far_ends = g[0] + 4 * g[2 * step];
  out[0] = g[0] / 4;
  out[out_step] = -(ends + g[step]) / 6;
  out[2 * out_step] = -(ends - g[step]) / 6;
  out[3 * out_step] = (far_ends + 2 * g[step]) / 24;
  out[4 * out_step] = (far_ends - 2 * g[step]) / 24;
  out[5 * out_step] = g[2 * step];
}

// G w G' of a panel's filters for one input channel, w[column * w_step + tap]; the columns beyond `count` are 0.
void pack_filters(const float* w, std::int64_t w_step, std::int64_t count, std::int64_t columns, std::int64_t step,
                  float* to) {
  float taps[9 * kMostColumns] = {}, half[18 * kMostColumns];
  for (std::int64_t n = 0; n < count; ++n) {
    for (std::int64_t k = 0; k < 9; ++k) taps[k * columns + n] = w[n * w_step + k];
  }
  for (std::int64_t x = 0; x < 3; ++x) {
    for (std::int64_t n = 0; n < columns; ++n)
      filter_line(taps + x * columns + n, 3 * columns, half + x * columns + n, 3 * columns);
  }
  for (std::int64_t y = 0; y < 6; ++y) {
    for (std::int64_t n = 0; n < columns; ++n)
      filter_line(half + 3 * y * columns + n, columns, to + 6 * y * step + n, step);
  }
}

WinogradTile tile_at(const Layout& l, std::int64_t index) {
  return {index / (l.tiles_y * l.tiles_x), index / l.tiles_x % l.tiles_y, index % l.tiles_x};
}

void write_tile(const WinogradKernel& kernel, const ConvShape& s, const Layout& l, const WinogradTile& t,
                const Epilogue& e, const float* m, std::int64_t step, std::int64_t panel_step) {
  constexpr std::int64_t kEdge = kWinogradOutputs;
  const std::int64_t row = (t.image * s.out_height + kEdge * t.y) * s.out_width + kEdge * t.x;
  for (std::int64_t p = 0; p < l.panels; ++p) {
    const std::int64_t n = p * l.core.nr;
    WinogradOut to;
    to.relu = e.activation == Activation::relu;
    if (e.bias_f32 != nullptr) to.bias = e.bias_f32 + n;
    for (std::int64_t k = 0; k < kEdge * kEdge; ++k) {
      if (kEdge * t.y + k / kEdge >= s.out_height || kEdge * t.x + k % kEdge >= s.out_width) continue;
      const std::int64_t at = row + k / kEdge * s.out_width + k % kEdge;
      to.out[k] = static_cast<float*>(e.out) + at * e.out_stride + n;
      if (e.residual != nullptr) to.residual[k] = static_cast<const float*>(e.residual) + at * e.residual_stride + n;
    }
    kernel.output(m + p * panel_step, step, std::min<std::int64_t>(l.core.nr, s.out_channels - n), to);
  }
}

}  // namespace

std::span<const WinogradKernel* const> winograd_table() { return kTable; }

const WinogradKernel& select_winograd() {
  for (const WinogradKernel* kernel : kTable) {
    if (isa_allowed(kernel->isa)) return *kernel;
  }
  return winograd_reference;
}

bool winograd_fits(const ConvShape& s) {
  return s.kernel_height == 3 && s.kernel_width == 3 && s.stride_h == 1 && s.stride_w == 1 && s.dilation_h == 1 &&
         s.dilation_w == 1 && s.groups == 1 && s.in_channels % 16 == 0 && s.out_channels % 16 == 0 &&
         s.in_channels <= kMostChannels;
}

bool winograd_fits(const Epilogue& e) {
  return e.out_type == Cell::f32 && e.residual_type == Cell::f32 && e.scale == nullptr && e.lookup == nullptr &&
         only_limits(e) && e.activation != Activation::clamp;
}

std::int64_t winograd_packed_bytes(const ConvShape& s) { return 4 * kPoints * s.in_channels * Layout(s).columns; }

std::int64_t winograd_scratch_bytes(const ConvShape& s) {
  const Layout l(s);
  return 4 * (kPoints * (l.block * (s.in_channels + l.columns) + 2 * kShift) + s.in_channels);
}

void pack_winograd_f32(const ConvShape& s, const float* w, void* packed, ThreadPool& pool) {
  const Layout l(s);
  const std::int64_t nr = l.core.nr, step = l.columns * s.in_channels;
  pool.parallel_for(l.panels * s.in_channels, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i / s.in_channels * nr, c = i % s.in_channels;
      pack_filters(w + (first * s.in_channels + c) * 9, s.in_channels * 9, std::min(nr, s.out_channels - first), nr,
                   step, static_cast<float*>(packed) + i * nr);
    }
  });
}

void winograd_f32(const ConvShape& s, const float* in, const void* packed, const Epilogue& epilogue, void* scratch) {
  winograd_f32(select_winograd(), s, in, packed, epilogue, scratch);
}

void winograd_f32(const WinogradKernel& kernel, const ConvShape& s, const float* in, const void* packed,
                  const Epilogue& epilogue, void* scratch) {
  static constexpr std::int64_t kOneTap = 0;
  const Layout l(s);
  const std::int64_t c = s.in_channels, v_step = l.block * c + kShift, m_step = l.block * l.columns + kShift,
                     panel_step = l.block * l.core.nr;
  auto *const v = static_cast<float*>(scratch), *const m = v + kPoints * v_step, *const zeros = m + kPoints * m_step;
  std::fill_n(zeros, c, 0.0f);
  std::int64_t rows[kMostTiles];
  for (std::int64_t t = 0; t < kMostTiles; ++t) rows[t] = t * c * std::int64_t{sizeof(float)};
  TileArgs args{.taps = &kOneTap, .tap_count = 1, .k_steps = c};
  for (std::int64_t first = 0; first < l.tiles; first += l.block) {
    const std::int64_t count = std::min(l.block, l.tiles - first);
    for (std::int64_t t = 0; t < count; ++t) read_patch(kernel, s, tile_at(l, first + t), in, zeros, v_step, v + t * c);
    for (std::int64_t i = 0; i < kPoints; ++i) {
      args.a = reinterpret_cast<const char*>(v + i * v_step);
      for (std::int64_t p = 0; p < l.panels; ++p) {
        args.panel = static_cast<const float*>(packed) + (i * l.panels + p) * c * l.core.nr;
        for (std::int64_t t = 0; t < count; t += l.core.mr) {
          args.rows = rows + t;
          l.core.core(args, static_cast<int>(std::min<std::int64_t>(l.core.mr, count - t)),
                      m + i * m_step + p * panel_step + t * l.core.nr);
        }
      }
    }
    for (std::int64_t t = 0; t < count; ++t) {
      write_tile(kernel, s, l, tile_at(l, first + t), epilogue, m + t * l.core.nr, m_step, panel_step);
    }
  }
}

}  // namespace octet::kernels
