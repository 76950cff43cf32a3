// A whole tile and its epilogue in one function: the sums go from their registers to the output, and what finishes them
// runs beside the next tile's first products. For the usual epilogues; the rest stores sums and calls finish. Included
// only by the files of one instruction set.
#pragma once

#include "octet/kernels/igemm/byte_halves.h"
#include "octet/kernels/igemm/finish_bytes.h"
#include "octet/kernels/igemm/finish_curve.h"
#include "octet/kernels/igemm/finish_floats.h"

namespace octet::kernels {
namespace {

template <class Vector, class V, int kRows, int kVectors, int kSteps, Extra kExtra, Then kThen, bool kInOrder>
void whole_byte_tiles(const TileArgs& first, const Epilogue& e, const TileSpan& span) noexcept {
  TileArgs tile = first;
  const std::int64_t* m = span.m;
  for (int t = 0; t < span.rows; t += kRows, m += kRows, tile.rows += kRows)
    run_core<Vector, kRows, kVectors, kSteps>(tile, [&](const typename Vector::Sum(
                                                        &sum)[kRows][kVectors]) __attribute__((always_inline)) {
      const ByteColumns<V, kVectors, kExtra, kThen, false, false> columns(e, ByteConstants<V>(e), span.n, V::kLanes);
      // In registers: the bytes that are written might else change them.
      const std::int64_t* const row = m;
      const std::int64_t stride = e.out_stride, residual_stride = e.residual_stride;
      const auto* residual = static_cast<const std::uint8_t*>(e.residual);
      if (residual != nullptr) residual += span.n + (kInOrder ? row[0] * residual_stride : 0);
      auto* const out = static_cast<std::uint8_t*>(e.out) + span.n + (kInOrder ? row[0] * stride : 0);
      const auto out_of = [&](int r) __attribute__((always_inline)) { return out + (kInOrder ? r : row[r]) * stride; };
      const auto residual_of = [&](int r) __attribute__((always_inline)) {
        const bool none = kExtra == Extra::none || kExtra == Extra::no_residual || residual == nullptr;
        return none ? static_cast<const std::uint8_t*>(nullptr) : residual + (kInOrder ? r : row[r]) * residual_stride;
      };
      if constexpr (kVectors <= 2 && kRows % 2 == 0) {
        for_known<0, kRows / 2>([&](auto r) __attribute__((always_inline)) {
          std::uint8_t *const one = out_of(2 * r), *const two = out_of(2 * r + 1);
          const std::uint8_t *const below_one = residual_of(2 * r), *const below_two = residual_of(2 * r + 1);
          columns.finish_two(sum[2 * r], sum[2 * r + 1], below_one, below_two, one, two);
        });
      } else {
        for_known<0, kRows>([&](auto r)
                                __attribute__((always_inline)) { columns.finish(sum[r], residual_of(r), out_of(r)); });
      }
    });
}

template <class Vector, class V, int kRows, int kVectors, int kSteps, Extra kExtra, Then kThen, bool kInOrder>
void byte_tile(const TileArgs& tile, const Epilogue& e, const TileSpan& span) noexcept {
  using Halves = ByteHalves<Vector, V, kRows, kVectors, kExtra, kThen, kInOrder>;
  if (Halves::fit(tile)) {
    Halves(tile, e, span.n).run_all(span);
  } else {
    whole_byte_tiles<Vector, V, kRows, kVectors, kSteps, kExtra, kThen, kInOrder>(tile, e, span);
  }
  if (e.lookup == nullptr) return;
  V::look_up(e.lookup, static_cast<std::uint8_t*>(e.out) + span.n, e.out_stride, span.m, span.rows,
             kVectors * V::kLanes);
}

// Where much is done to a row, finding its place does not count: one function less to compile.
template <Extra kExtra>
constexpr bool kKnowsOrder = kExtra == Extra::none || kExtra == Extra::rescale;

template <class Vector, class V, int kRows, int kVectors, int kSteps, Extra kExtra, Then kThen>
constexpr FusedTiles kByteTiles = {byte_tile<Vector, V, kRows, kVectors, kSteps, kExtra, kThen, kKnowsOrder<kExtra>>,
                                   byte_tile<Vector, V, kRows, kVectors, kSteps, kExtra, kThen, false>};

template <class Vector, class V, int kRows, int kVectors, int kSteps, Extra kExtra>
FusedTiles choose_then(Then then) {
  if (then == Then::limits) return kByteTiles<Vector, V, kRows, kVectors, kSteps, kExtra, Then::limits>;
  if (then == Then::floor) return kByteTiles<Vector, V, kRows, kVectors, kSteps, kExtra, Then::floor>;
  return kByteTiles<Vector, V, kRows, kVectors, kSteps, kExtra, Then::nothing>;
}

/// As only_curve.
template <class Vector, class V, int kRows, int kVectors, int kSteps>
void curve_tile(const TileArgs& tile, const Epilogue& e, const TileSpan& span) noexcept {
  const CurveColumns<V, kVectors, false> columns(e, span.n);
  auto* const out = static_cast<std::uint8_t*>(e.out) + span.n;
  const std::int64_t* const m = span.m;
  const std::int64_t stride = e.out_stride;
  run_tiles<Vector, kRows, kVectors, kSteps>(
      tile, span.rows / kRows, [&](int row, const typename Vector::Sum(&sum)[kVectors]) __attribute__((always_inline)) {
        columns.finish(sum, out + m[row] * stride);
      });
  if (e.lookup != nullptr) V::look_up(e.lookup, out, stride, m, span.rows, kVectors * V::kLanes);
}

/// When rows of a tile are finished: as soon as their sums are known, or beside the next tile's products.
enum class When { at_once, beside };

template <class Vector, class V, int kRows, int kVectors, int kSteps, When kWhen, Rows kRowsAre, bool kResidual,
          Then kThen>
void float_tile(const TileArgs& first, const Epilogue& e, const TileSpan& span) noexcept {
  const FloatColumns<V, kVectors, kRowsAre, kResidual, kThen> columns(e, span.n);
  const auto finish = [&](int row, const typename Vector::Sum(&sum)[kVectors])
                          __attribute__((always_inline)) { columns.finish(e, sum, span.m[row], span.n); };
  if constexpr (kWhen == When::beside)
    return run_tiles<Vector, kRows, kVectors, kSteps>(first, span.rows / kRows, finish);
  TileArgs tile = first;
  for (int m = 0; m < span.rows; m += kRows, tile.rows += kRows) {
    run_core<Vector, kRows, kVectors, kSteps>(
        tile, [&](const typename Vector::Sum(&sum)[kRows][kVectors]) __attribute__((always_inline)) {
          for_known<0, kRows>([&](auto r) __attribute__((always_inline)) { finish(m + r, sum[r]); });
        });
  }
}

template <class Vector, class V, int kRows, int kVectors, int kSteps, When kWhen, Rows kRowsAre>
FusedTiles choose_float_tile(const Epilogue& e) {
  // These do not mind in which order their rows are.
  const auto both = [](FusedTile tile) { return FusedTiles{tile, tile}; };
  if (e.activation == Activation::hard_swish)
    return both(float_tile<Vector, V, kRows, kVectors, kSteps, kWhen, kRowsAre, false, Then::hard_swish>);
  const bool limits = e.activation != Activation::none;
  if (e.residual == nullptr) {
    return both(limits ? float_tile<Vector, V, kRows, kVectors, kSteps, kWhen, kRowsAre, false, Then::limits>
                       : float_tile<Vector, V, kRows, kVectors, kSteps, kWhen, kRowsAre, false, Then::nothing>);
  }
  return both(limits ? float_tile<Vector, V, kRows, kVectors, kSteps, kWhen, kRowsAre, true, Then::limits>
                     : float_tile<Vector, V, kRows, kVectors, kSteps, kWhen, kRowsAre, true, Then::nothing>);
}

/// IgemmKernel::fused of f32 sums. Their tiles take four times as long: what finishes them is no great part.
template <class Vector, class V, int kRows, int kVectors, int kSteps>
FusedTiles choose_tile_f32(const Epilogue& e, std::int64_t) noexcept {
  if (!finishes_as_floats(e)) return {};
  return choose_float_tile<Vector, V, kRows, kVectors, kSteps, When::at_once, Rows::alike>(e);
}

/// IgemmKernel::fused of s32 sums.
template <class Vector, class V, int kRows, int kVectors, int kSteps>
FusedTiles choose_tile_s32(const Epilogue& e, std::int64_t n) noexcept {
  if (finishes_as_floats(e)) {
    return e.row_scale == nullptr ? choose_float_tile<Vector, V, kRows, kVectors, kSteps, When::beside, Rows::alike>(e)
                                  : choose_float_tile<Vector, V, kRows, kVectors, kSteps, When::beside, Rows::own>(e);
  }
  if (!ends_in_bytes(e) || !stays_in_s32(e, n, kVectors * V::kLanes)) return {};
  if (only_curve(e)) {
    return {curve_tile<Vector, V, kRows, kVectors, kSteps>, curve_tile<Vector, V, kRows, kVectors, kSteps>};
  }
  if (only_hard_swish(e)) return kByteTiles<Vector, V, kRows, kVectors, kSteps, Extra::rescale, Then::hard_swish>;
  if (e.activation == Activation::hard_swish && e.residual == nullptr)
    return kByteTiles<Vector, V, kRows, kVectors, kSteps, Extra::no_residual, Then::hard_swish>;
  if (!only_limits(e) || (e.bias_f32 != nullptr && e.residual != nullptr)) return {};
  const Then then = ByteConstants<V>(e).then;
  if (scales_to_bytes(e)) return choose_then<Vector, V, kRows, kVectors, kSteps, Extra::none>(then);
  if (e.residual == nullptr) return choose_then<Vector, V, kRows, kVectors, kSteps, Extra::no_residual>(then);
  return choose_then<Vector, V, kRows, kVectors, kSteps, Extra::residual>(then);
}

}  // namespace
}  // namespace octet::kernels
