// A whole tile and its epilogue in one function: the sums go from their registers to the output, and what finishes them
// runs beside the next tile's first products. For the usual epilogues; the rest stores sums and calls finish. Included
// only by the files of one instruction set.
#pragma once

#include "octet/kernels/igemm/core_vector.h"
#include "octet/kernels/igemm/finish_bytes.h"
#include "octet/kernels/igemm/finish_floats.h"

namespace octet::kernels {
namespace {

/// row(r) for all rows, r known when compiled: sums indexed in a loop that is unrolled late would be kept in memory.
template <int kRow, int kRows, class Row>
inline __attribute__((always_inline)) void for_rows(const Row& row) {
  row(kRow);
  if constexpr (kRow + 1 < kRows) for_rows<kRow + 1, kRows>(row);
}

template <class Vector, class V, int kRows, int kVectors, int kSteps, Extra kExtra, Then kThen, bool kInOrder>
void byte_tile(const TileArgs& tile, const Epilogue& e, const TileSpan& span) noexcept {
  run_core<Vector, kRows, kVectors, kSteps>(
      tile, [&](const typename Vector::Sum(&sum)[kRows][kVectors]) __attribute__((always_inline)) {
        const ByteColumns<V, kVectors, kExtra, kThen, false, false> columns(e, ByteConstants<V>(e), span.n, V::kLanes);
        // In registers: the bytes that are written might else change them.
        const std::int64_t* const m = span.m;
        const std::int64_t stride = e.out_stride, residual_stride = e.residual_stride;
        const auto* residual = static_cast<const std::uint8_t*>(e.residual);
        if (residual != nullptr) residual += span.n + (kInOrder ? m[0] * residual_stride : 0);
        auto* const out = static_cast<std::uint8_t*>(e.out) + span.n + (kInOrder ? m[0] * stride : 0);
        const auto out_of = [&](int r) __attribute__((always_inline)) { return out + (kInOrder ? r : m[r]) * stride; };
        const auto residual_of = [&](int r) __attribute__((always_inline)) {
          const bool none = kExtra == Extra::none || kExtra == Extra::no_residual || residual == nullptr;
          return none ? static_cast<const std::uint8_t*>(nullptr) : residual + (kInOrder ? r : m[r]) * residual_stride;
        };
        if constexpr (kVectors <= 2 && kRows % 2 == 0) {
          for_rows<0, kRows / 2>([&](int r) __attribute__((always_inline)) {
            std::uint8_t *const first = out_of(2 * r), *const second = out_of(2 * r + 1);
            const std::uint8_t *const one = residual_of(2 * r), *const other = residual_of(2 * r + 1);
            columns.finish_two(sum[2 * r], sum[2 * r + 1], one, other, first, second);
          });
        } else {
          for_rows<0, kRows>([&](int r)
                                 __attribute__((always_inline)) { columns.finish(sum[r], residual_of(r), out_of(r)); });
        }
      });
  if (e.lookup == nullptr) return;
  V::look_up(e.lookup, static_cast<std::uint8_t*>(e.out) + span.n, e.out_stride, span.m, kRows, kVectors * V::kLanes);
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

template <class Vector, class V, int kRows, int kVectors, int kSteps, Rows kRowsAre, bool kResidual, Then kThen>
void float_tile(const TileArgs& tile, const Epilogue& e, const TileSpan& span) noexcept {
  run_core<Vector, kRows, kVectors, kSteps>(
      tile, [&](const typename Vector::Sum(&sum)[kRows][kVectors]) __attribute__((always_inline)) {
        const FloatColumns<V, kVectors, kRowsAre, kResidual, kThen> columns(e, span.n);
        for_rows<0, kRows>([&](int r) __attribute__((always_inline)) { columns.finish(e, sum[r], span.m[r], span.n); });
      });
}

template <class Vector, class V, int kRows, int kVectors, int kSteps, Rows kRowsAre>
FusedTile choose_float_tile(const Epilogue& e) {
  if (e.activation == Activation::hard_swish)
    return float_tile<Vector, V, kRows, kVectors, kSteps, kRowsAre, false, Then::hard_swish>;
  const bool limits = e.activation != Activation::none;
  if (e.residual == nullptr) {
    return limits ? float_tile<Vector, V, kRows, kVectors, kSteps, kRowsAre, false, Then::limits>
                  : float_tile<Vector, V, kRows, kVectors, kSteps, kRowsAre, false, Then::nothing>;
  }
  return limits ? float_tile<Vector, V, kRows, kVectors, kSteps, kRowsAre, true, Then::limits>
                : float_tile<Vector, V, kRows, kVectors, kSteps, kRowsAre, true, Then::nothing>;
}

/// Of a tile that does not mind in which order its rows are.
inline FusedTiles both(FusedTile tile) { return {tile, tile}; }

/// IgemmKernel::fused of f32 sums.
template <class Vector, class V, int kRows, int kVectors, int kSteps>
FusedTiles choose_tile_f32(const Epilogue& e, std::int64_t) noexcept {
  if (!finishes_as_floats(e)) return {};
  return both(choose_float_tile<Vector, V, kRows, kVectors, kSteps, Rows::alike>(e));
}

/// IgemmKernel::fused of s32 sums.
template <class Vector, class V, int kRows, int kVectors, int kSteps>
FusedTiles choose_tile_s32(const Epilogue& e, std::int64_t n) noexcept {
  if (finishes_as_floats(e)) {
    return both(e.row_scale == nullptr ? choose_float_tile<Vector, V, kRows, kVectors, kSteps, Rows::alike>(e)
                                       : choose_float_tile<Vector, V, kRows, kVectors, kSteps, Rows::own>(e));
  }
  if (!ends_in_bytes(e) || !stays_in_s32(e, n, kVectors * V::kLanes)) return {};
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
