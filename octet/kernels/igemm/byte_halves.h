// Tiles of bytes by halves: while the products of one half are summed, the sums of the other become bytes. A processor
// looks only so far ahead: what follows the products of a small K would else wait for the last of them. Included only
// by the files of one instruction set.
#pragma once

#include "octet/kernels/igemm/core_vector.h"
#include "octet/kernels/igemm/finish_bytes.h"

namespace octet::kernels {
namespace {

constexpr std::int64_t kHalvesBytes = 40 * 1024;  // of a panel, which halves read twice as often: what L1 almost holds

// A place in the program that a sum passes in the order in which it is written.
template <class Sum>
inline __attribute__((always_inline)) void pin([[maybe_unused]] Sum& sum) {
#ifndef OCTET_EMULATED_INTRINSICS  // where a vector is no register
  __asm__ volatile("" : "+v"(sum));
#endif
}

template <int kBegin, int kEnd, class Sum, int kRows, int kVectors>
inline __attribute__((always_inline)) void pin_rows(Sum (&sum)[kRows][kVectors]) {
  for_known<kBegin, kEnd>([&](auto r) __attribute__((always_inline)) {
    for_known<0, kVectors>([&](auto v) __attribute__((always_inline)) { pin(sum[r][v]); });
  });
}

template <class Vector, class V, int kRows, int kVectors, Extra kExtra, Then kThen, bool kInOrder>
struct ByteHalves {
  static constexpr int kHalf = kRows / 2, kAtOnce = kVectors == 2 ? 2 : 1;  // rows that are packed together
  static constexpr int kGroups = kHalf / kAtOnce;
  using Sums = typename Vector::Sum[kHalf][kVectors];

  const TileArgs& tile;
  const Epilogue& e;
  const ByteConstants<V> k;
  const std::int64_t n, stride, residual_stride;
  std::uint8_t* const out;
  const std::uint8_t* const residual;

  ByteHalves(const TileArgs& args, const Epilogue& epilogue, std::int64_t first_column)
      : tile(args),
        e(epilogue),
        k(epilogue),
        n(first_column),
        stride(e.out_stride),
        residual_stride(e.residual_stride),
        out(static_cast<std::uint8_t*>(e.out) + n),
        residual(e.residual == nullptr ? nullptr : static_cast<const std::uint8_t*>(e.residual) + n) {}

  // One vector of columns gains nothing.
  static bool fit(const TileArgs& tile) {
    const std::int64_t steps = tile.tap_count * tile.k_steps;
    return kVectors > 1 && steps > 0 && tile.k_steps >= kGroups &&
           steps * kVectors * Vector::kWeightBytes <= kHalvesBytes;
  }

  // The rows of one group of a half that begins at row m[0] of the output.
  template <int kGroup>
  inline __attribute__((always_inline)) void finish(Sums& sum, const std::int64_t* m) const {
    constexpr int kFirst = kGroup * kAtOnce;
    pin_rows<kFirst, kFirst + kAtOnce>(sum);
    const ByteColumns<V, kVectors, kExtra, kThen, false, false> columns(e, k, n, V::kLanes);
    const auto row = [&](int r) __attribute__((always_inline)) { return kInOrder ? m[0] + r : m[r]; };
    const auto below = [&](int r) __attribute__((always_inline)) {
      const bool none = kExtra == Extra::none || kExtra == Extra::no_residual || residual == nullptr;
      return none ? static_cast<const std::uint8_t*>(nullptr) : residual + row(r) * residual_stride;
    };
    if constexpr (kAtOnce == 2) {
      columns.finish_two(sum[kFirst], sum[kFirst + 1], below(kFirst), below(kFirst + 1), out + row(kFirst) * stride,
                         out + row(kFirst + 1) * stride);
    } else {
      columns.finish(sum[kFirst], below(kFirst), out + row(kFirst) * stride);
    }
  }

  // The sums of a half whose rows lie at `from`; beside its first products, the other half's rows are finished.
  template <bool kFinish>
  inline __attribute__((always_inline)) void run(const std::int64_t* from, Sums& sum, Sums& other,
                                                 const std::int64_t* m) const {
    for_known<0, kHalf>([&](auto r) __attribute__((always_inline)) {
      for_known<0, kVectors>([&](auto v) __attribute__((always_inline)) {
        sum[r][v] = Vector::load_init(tile.init + v * Vector::kLanes);
      });
    });
    const char* w = static_cast<const char*>(tile.panel);
    const char* rows[kHalf];
    for (int r = 0; r < kHalf; ++r) rows[r] = tile.a + from[r];
    std::int64_t at = tile.taps[0], end = at + tile.k_steps * 4;
    for_known<0, kGroups>([&](auto group) __attribute__((always_inline)) {
      run_steps<Vector, kHalf, kVectors, 1>(rows, at, w, sum);
      at += 4;
      if constexpr (kFinish) {
        pin_rows<0, kHalf>(sum);
        finish<group>(other, m);
      }
    });
    for (std::int64_t t = 0;;) {
      for (; at + 8 <= end; at += 8) run_steps<Vector, kHalf, kVectors, 2>(rows, at, w, sum);
      if (at < end) run_steps<Vector, kHalf, kVectors, 1>(rows, at, w, sum);
      w += tile.panel_skip;
      if (++t == tile.tap_count) return;
      at = tile.taps[t];
      end = at + tile.k_steps * 4;
    }
  }

  inline __attribute__((always_inline)) void run_all(const TileSpan& span) const {
    const std::int64_t *m = span.m, *from = tile.rows, *const last = span.m + span.rows - kHalf;
    Sums a, b;
    run<false>(from, a, a, m);
    while (true) {
      run<true>(from += kHalf, b, a, m);
      m += kHalf;
      if (m == last) break;
      run<true>(from += kHalf, a, b, m);
      m += kHalf;
    }
    for_known<0, kGroups>([&](auto group) __attribute__((always_inline)) { finish<group>(b, m); });
  }
};

}  // namespace
}  // namespace octet::kernels
