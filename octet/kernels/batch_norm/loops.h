// The loops of this family in plain C++, compiled once for each instruction set (the compiler makes the vectors).
// Included only by the files of one instruction set and by the reference.
#pragma once

#include "octet/kernels/batch_norm/batch_norm.h"

namespace octet::kernels {
namespace {

constexpr int kBlock = 16;              // channels that are held in registers
constexpr std::int64_t kTileRows = 64;  // rows that stay in L1 while blocks of channels pass over them

// body(block) with the number of channels as a constant where it is kBlock.
template <int kWidth>
struct Width {
  static constexpr int width(int) { return kWidth; }
};
struct AnyWidth {
  static constexpr int width(int w) { return w; }
};

template <class Body>
void each_block(std::int64_t channels, const Body& body) {
  std::int64_t c = 0;
  for (; c + kBlock <= channels; c += kBlock) body(Width<kBlock>{}, c, kBlock);
  if (c < channels) body(AnyWidth{}, c, static_cast<int>(channels - c));
}

void moments_loop(const float* x, std::int64_t rows, std::int64_t channels, float* mean, float* squares) noexcept {
  each_block(channels, [&](auto w, std::int64_t c, int width) {
    float sum[2][kBlock] = {};
    std::int64_t r = 0;
    for (; r + 2 <= rows; r += 2) {
      const float *even = x + r * channels + c, *odd = even + channels;
      for (int i = 0; i < w.width(width); ++i) sum[0][i] += even[i];
      for (int i = 0; i < w.width(width); ++i) sum[1][i] += odd[i];
    }
    for (; r < rows; ++r) {
      for (int i = 0; i < w.width(width); ++i) sum[0][i] += x[r * channels + c + i];
    }
    float center[kBlock], square[2][kBlock] = {};
    for (int i = 0; i < w.width(width); ++i) center[i] = (sum[0][i] + sum[1][i]) / static_cast<float>(rows);
    for (r = 0; r + 2 <= rows; r += 2) {
      const float *even = x + r * channels + c, *odd = even + channels;
      for (int i = 0; i < w.width(width); ++i) square[0][i] += (even[i] - center[i]) * (even[i] - center[i]);
      for (int i = 0; i < w.width(width); ++i) square[1][i] += (odd[i] - center[i]) * (odd[i] - center[i]);
    }
    for (; r < rows; ++r) {
      const float* row = x + r * channels + c;
      for (int i = 0; i < w.width(width); ++i) square[0][i] += (row[i] - center[i]) * (row[i] - center[i]);
    }
    for (int i = 0; i < w.width(width); ++i) {
      mean[c + i] = center[i];
      squares[c + i] = square[0][i] + square[1][i];
    }
  });
}

// Calls body(width, channel, width, first row, last row) so that rows stay in L1 from block to block.
template <class Body>
void each_tile(std::int64_t channels, std::int64_t first, std::int64_t last, const Body& body) {
  for (std::int64_t r = first; r < last; r += kTileRows) {
    const std::int64_t end = r + kTileRows < last ? r + kTileRows : last;
    each_block(channels, [&](auto w, std::int64_t c, int width) { body(w, c, width, r, end); });
  }
}

template <bool kResidual, bool kRelu>
void scale_shift_as(const ScaleShift& s, std::int64_t first, std::int64_t last) noexcept {
  each_tile(s.channels, first, last, [&](auto w, std::int64_t c, int width, std::int64_t begin, std::int64_t end) {
    float a[kBlock], b[kBlock];
    for (int i = 0; i < w.width(width); ++i) a[i] = s.factor[c + i], b[i] = s.shift[c + i];
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t at = r * s.channels + c;
      float v[kBlock];
      for (int i = 0; i < w.width(width); ++i) v[i] = s.x[at + i] * a[i] + b[i];
      if constexpr (kResidual) {
        for (int i = 0; i < w.width(width); ++i) v[i] += s.residual[at + i];
      }
      if constexpr (kRelu) {
        for (int i = 0; i < w.width(width); ++i) v[i] = v[i] < 0 ? 0.0f : v[i];
      }
      for (int i = 0; i < w.width(width); ++i) s.y[at + i] = v[i];
    }
  });
}

void scale_shift_loop(const ScaleShift& s, std::int64_t first, std::int64_t last) noexcept {
  if (s.residual != nullptr) {
    s.relu ? scale_shift_as<true, true>(s, first, last) : scale_shift_as<true, false>(s, first, last);
  } else {
    s.relu ? scale_shift_as<false, true>(s, first, last) : scale_shift_as<false, false>(s, first, last);
  }
}

template <bool kMask>
void sums_as(const NormGradient& g, std::int64_t first, std::int64_t last, float* sum, float* product) noexcept {
  for (std::int64_t c = 0; c < g.channels; ++c) sum[c] = product[c] = 0;
  each_tile(g.channels, first, last, [&](auto w, std::int64_t c, int width, std::int64_t begin, std::int64_t end) {
    float m[kBlock], s[kBlock] = {}, p[kBlock] = {};
    for (int i = 0; i < w.width(width); ++i) m[i] = g.center[c + i];
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t at = r * g.channels + c;
      float dz[kBlock];
      for (int i = 0; i < w.width(width); ++i) dz[i] = g.dy[at + i];
      if constexpr (kMask) {
        for (int i = 0; i < w.width(width); ++i) dz[i] = g.y[at + i] > 0 ? dz[i] : 0.0f;
      }
      for (int i = 0; i < w.width(width); ++i) s[i] += dz[i];
      for (int i = 0; i < w.width(width); ++i) p[i] += dz[i] * (g.x[at + i] - m[i]);
    }
    for (int i = 0; i < w.width(width); ++i) sum[c + i] += s[i], product[c + i] += p[i];
  });
}

void sums_loop(const NormGradient& g, std::int64_t first, std::int64_t last, float* sum, float* product) noexcept {
  g.y != nullptr ? sums_as<true>(g, first, last, sum, product) : sums_as<false>(g, first, last, sum, product);
}

template <bool kMask, bool kKeep>
void apply_as(const NormGradient& g, const float* a, const float* b, const float* k, std::int64_t first,
              std::int64_t last) noexcept {
  each_tile(g.channels, first, last, [&](auto w, std::int64_t c, int width, std::int64_t begin, std::int64_t end) {
    float fa[kBlock], fb[kBlock], fk[kBlock], m[kBlock];
    for (int i = 0; i < w.width(width); ++i) {
      fa[i] = a[c + i], fb[i] = b[c + i], fk[i] = k[c + i], m[i] = g.center[c + i];
    }
    for (std::int64_t r = begin; r < end; ++r) {
      const std::int64_t at = r * g.channels + c;
      float dz[kBlock], v[kBlock];
      for (int i = 0; i < w.width(width); ++i) dz[i] = g.dy[at + i];
      if constexpr (kMask) {
        for (int i = 0; i < w.width(width); ++i) dz[i] = g.y[at + i] > 0 ? dz[i] : 0.0f;
      }
      for (int i = 0; i < w.width(width); ++i) v[i] = fa[i] * dz[i] + fb[i] * (g.x[at + i] - m[i]) + fk[i];
      if constexpr (kKeep) {
        for (int i = 0; i < w.width(width); ++i) g.dz[at + i] = dz[i];
      }
      for (int i = 0; i < w.width(width); ++i) g.dx[at + i] = v[i];
    }
  });
}

void apply_loop(const NormGradient& g, const float* a, const float* b, const float* k, std::int64_t first,
                std::int64_t last) noexcept {
  if (g.y != nullptr) {
    g.dz != nullptr ? apply_as<true, true>(g, a, b, k, first, last) : apply_as<true, false>(g, a, b, k, first, last);
  } else {
    g.dz != nullptr ? apply_as<false, true>(g, a, b, k, first, last) : apply_as<false, false>(g, a, b, k, first, last);
  }
}

}  // namespace
}  // namespace octet::kernels
