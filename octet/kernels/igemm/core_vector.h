// The inner loop of every indirect GEMM kernel, once, for whatever a vector is. Included only by the
// files of one instruction set; everything is in an anonymous namespace, as they demand.
//
// A Vector says: Sum, Weights (types), kWeightBytes (of a step and one vector of columns), zero(),
// load_init(p), load_weights(p), broadcast(p) of 4 bytes, multiply_add(sum, a, w), store(p, sum).
#pragma once

#include <type_traits>

#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels {
namespace {

constexpr int kPrefetchBytes = 2048;

/// visit(i) for i from kBegin to kEnd - 1, each known when compiled: sums indexed in a loop that is unrolled late would
/// be kept in memory.
template <int kBegin, int kEnd, class Visit>
inline __attribute__((always_inline)) void for_known(const Visit& visit) {
  if constexpr (kBegin < kEnd) {
    visit(std::integral_constant<int, kBegin>{});
    for_known<kBegin + 1, kEnd>(visit);
  }
}

// What the sums of a tile start from.
template <class Vector, int kRows, int kVectors>
inline __attribute__((always_inline)) void start_sums(const TileArgs& tile,
                                                      typename Vector::Sum (&sum)[kRows][kVectors]) {
  for (int m = 0; m < kRows; ++m) {
    for (int v = 0; v < kVectors; ++v)
      sum[m][v] = tile.init == nullptr ? Vector::zero() : Vector::load_init(tile.init + v * Vector::kLanes);
  }
}

// Where its rows lie, as if that came from memory: a compiler that knows their sums forms them anew at every tap.
template <int kRows>
inline __attribute__((always_inline)) void find_rows(const TileArgs& tile, const char* (&rows)[kRows]) {
  for (int m = 0; m < kRows; ++m) {
    rows[m] = tile.row(m);
    __asm__("" : "+r"(rows[m]));
  }
}

// kSteps steps of k: the weights of all of them are held, so that a row's address serves kSteps products.
template <class Vector, int kRows, int kVectors, int kSteps>
inline __attribute__((always_inline)) void run_steps(const char* const* rows, std::int64_t at, const char*& w,
                                                     typename Vector::Sum (&sum)[kRows][kVectors]) {
  typename Vector::Weights b[kSteps][kVectors];
  for (int s = 0; s < kSteps; ++s) {
    for (int v = 0; v < kVectors; ++v) b[s][v] = Vector::load_weights(w + (s * kVectors + v) * Vector::kWeightBytes);
  }
  // A few rows do not hide the way from memory: these kernels are as fast as weights arrive.
  if constexpr (kRows <= 2) __builtin_prefetch(w + kPrefetchBytes);
  w += kSteps * kVectors * Vector::kWeightBytes;
  for (int m = 0; m < kRows; ++m) {
    const char* a = rows[m] + at;
    for (int s = 0; s < kSteps; ++s) {
      const auto x = Vector::broadcast(a + s * 4);
      for (int v = 0; v < kVectors; ++v) sum[m][v] = Vector::multiply_add(sum[m][v], x, b[s][v]);
    }
  }
}

/// `last` takes the sums [kRows][kVectors], which have not left their registers.
template <class Vector, int kRows, int kVectors, int kSteps, class Last>
inline __attribute__((always_inline)) void run_core(const TileArgs& tile, const Last& last) {
  typename Vector::Sum sum[kRows][kVectors];
  start_sums<Vector>(tile, sum);
  const char* w = static_cast<const char*>(tile.panel);
  const char* rows[kRows];
  find_rows(tile, rows);
  for (std::int64_t t = 0; t < tile.tap_count; ++t) {
    std::int64_t at = tile.taps[t];
    const std::int64_t end = at + tile.k_steps * 4;
    for (; at + kSteps * 4 <= end; at += kSteps * 4) run_steps<Vector, kRows, kVectors, kSteps>(rows, at, w, sum);
    if constexpr (kSteps > 1) {
      for (; at < end; at += 4) run_steps<Vector, kRows, kVectors, 1>(rows, at, w, sum);
    }
    w += tile.panel_skip;
  }
  last(sum);
}

/// Tiles one below the other; finish(row, sums [kVectors]) of each of their rows. The sums of a tile wait in memory,
/// and the next tile's products leave room for a row of them now and then: they use other parts of the processor.
template <class Vector, int kRows, int kVectors, int kSteps, class Finish>
inline __attribute__((always_inline)) void run_tiles(const TileArgs& first, int tiles, const Finish& finish) {
  using Sum = typename Vector::Sum;
  Sum held[kRows][kVectors];
  const auto finish_row = [&](int row, int r) __attribute__((always_inline)) { finish(row + r, held[r]); };
  const std::int64_t stretch = 4 * kSteps * (first.tap_count * first.k_steps / (kSteps * kRows) + 1);
  TileArgs tile = first;
  for (int t = 0; t < tiles; ++t, tile.rows += kRows) {
    int waiting = t == 0 ? kRows : 0;  // the next row of the tile before
    const int before = (t - 1) * kRows;
    Sum sum[kRows][kVectors];
    start_sums<Vector>(tile, sum);
    const char* w = static_cast<const char*>(tile.panel);
    const char* rows[kRows];
    find_rows(tile, rows);
    for (std::int64_t tap = 0; tap < tile.tap_count; ++tap) {
      std::int64_t at = tile.taps[tap];
      const std::int64_t end = at + tile.k_steps * 4;
      while (at + kSteps * 4 <= end) {
        const std::int64_t stop = at + stretch < end ? at + stretch : end;
        for (; at + kSteps * 4 <= stop; at += kSteps * 4) run_steps<Vector, kRows, kVectors, kSteps>(rows, at, w, sum);
        if (waiting < kRows) finish_row(before, waiting++);
      }
      if constexpr (kSteps > 1) {
        for (; at < end; at += 4) run_steps<Vector, kRows, kVectors, 1>(rows, at, w, sum);
      }
      w += tile.panel_skip;
    }
    while (waiting < kRows) finish_row(before, waiting++);
    for (int m = 0; m < kRows; ++m) {
      for (int v = 0; v < kVectors; ++v) held[m][v] = sum[m][v];
    }
  }
  for (int r = 0; r < kRows; ++r) finish_row((tiles - 1) * kRows, r);
}

// One row by kPanels panels at once: as many chains of sums as hide a multiply-add's latency.
template <class Vector, int kVectors, int kPanels>
void run_row(const TileArgs& tile, std::int64_t panel_bytes, char* acc) {
  constexpr int kColumnBytes = 4 * Vector::kLanes;
  typename Vector::Sum sum[kPanels][kVectors];
  const char* w[kPanels];
  for (int p = 0; p < kPanels; ++p) {
    w[p] = static_cast<const char*>(tile.panel) + p * panel_bytes;
    for (int v = 0; v < kVectors; ++v) {
      sum[p][v] =
          tile.init == nullptr ? Vector::zero() : Vector::load_init(tile.init + (p * kVectors + v) * Vector::kLanes);
    }
  }
  for (std::int64_t t = 0; t < tile.tap_count; ++t) {
    const char* a = tile.row(0) + tile.taps[t];
    for (const char* end = a + tile.k_steps * 4; a < end; a += 4) {
      const auto x = Vector::broadcast(a);
      for (int p = 0; p < kPanels; ++p) {
        for (int v = 0; v < kVectors; ++v)
          sum[p][v] = Vector::multiply_add(sum[p][v], x, Vector::load_weights(w[p] + v * Vector::kWeightBytes));
        __builtin_prefetch(w[p] + kPrefetchBytes);
        w[p] += kVectors * Vector::kWeightBytes;
      }
    }
    for (int p = 0; p < kPanels; ++p) w[p] += tile.panel_skip;
  }
  for (int p = 0; p < kPanels; ++p) {
    for (int v = 0; v < kVectors; ++v) Vector::store(acc + (p * kVectors + v) * kColumnBytes, sum[p][v]);
  }
}

/// IgemmKernel::row_core.
template <class Vector, int kVectors>
void row_core(const TileArgs& tile, int panels, std::int64_t panel_bytes, void* acc) noexcept {
  if (panels == kRowPanels) return run_row<Vector, kVectors, kRowPanels>(tile, panel_bytes, static_cast<char*>(acc));
  TileArgs one = tile;
  for (int p = 0; p < panels; ++p) {
    one.panel = static_cast<const char*>(tile.panel) + p * panel_bytes;
    if (tile.init != nullptr) one.init = tile.init + p * kVectors * Vector::kLanes;
    run_row<Vector, kVectors, 1>(one, panel_bytes, static_cast<char*>(acc) + p * kVectors * Vector::kLanes * 4);
  }
}

/// IgemmKernel::core for tiles of up to kRows rows: one loop for each number of rows.
template <class Vector, int kRows, int kVectors, int kSteps = 1>
void core(const TileArgs& tile, int rows, void* acc) noexcept {
  if constexpr (kRows > 1) {
    if (rows < kRows) return core<Vector, kRows - 1, kVectors, kSteps>(tile, rows, acc);
  }
  run_core<Vector, kRows, kVectors, kSteps>(tile, [acc](const typename Vector::Sum(&sum)[kRows][kVectors]) {
    for (int m = 0; m < kRows; ++m) {
      for (int v = 0; v < kVectors; ++v) {
        Vector::store(static_cast<char*>(acc) + (m * kVectors + v) * 4 * Vector::kLanes, sum[m][v]);
      }
    }
  });
}

}  // namespace
}  // namespace octet::kernels
