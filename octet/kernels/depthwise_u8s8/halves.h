// A sweep of depthwise_rows.h along rows of stride 1, half a block of channels at a time: two groups leave registers
// for their weights, so that a column costs little but its products. Two rows of 3x3 outputs share a column of four
// input rows, [w0 w1 w2 0] and [0 w0 w1 w2]. Of a 5x5 kernel four rows are multiplied column by column, the fifth four
// of its columns at once: 7 multiply-adds instead of 10. A column of padding is an addition. Included only by the files
// of one instruction set.
//
// The words of the first half wait in memory for those of the second. A Vector is a Quads (quads.h).
#pragma once

#include "octet/kernels/igemm/depthwise_rows.h"
#include "octet/kernels/igemm/finish_bytes.h"

namespace octet::kernels {
namespace {

constexpr int kWaiting = 128;  // outputs whose words wait

template <class V, int kSize, int kOutRows, int kHalf>
struct HalfSweep {
  using Bits = typename V::Bits;
  using Sum = typename V::Sum;
  using Sums = Sum[kOutRows][2];
  static constexpr int kRows = kSize == 5 ? 5 : 4;
  static constexpr int kBlock = 4 * V::kLanes, kPart = V::kWeightBytes;
  // Multiply-adds of four rows of a column, then, of 5x5, of four columns of the fifth row.
  static constexpr int kUpright = kSize * kOutRows, kWeights = kUpright + (kSize == 5 ? 2 : 0);
  using Held = Bits[kWeights][2];

  const DepthwiseRow& row;
  typename V::Mask mask;

  struct Cursor {
    std::int64_t x;
    const char* at[kRows];
    Bits last, older, newer;  // of the fifth row: its last column, and pairs of columns
  };

  static Bits half_of(Bits a, Bits b) {
    Bits low, high;
    V::interleave_bytes(a, b, low, high);
    return kHalf == 0 ? low : high;
  }

  inline __attribute__((always_inline)) void add_upright(const Cursor& cursor, const Held& held, int slot,
                                                         Sums (&sums)[kSize]) const {
    Bits column[2];
    V::interleave_pairs(half_of(V::load_bytes(cursor.at[0], mask), V::load_bytes(cursor.at[1], mask)),
                        half_of(V::load_bytes(cursor.at[2], mask), V::load_bytes(cursor.at[3], mask)), column[0],
                        column[1]);
    for (int tap = 0; tap < kSize; ++tap) {
      for (int y = 0; y < kOutRows; ++y) {
        for (int g = 0; g < 2; ++g) {
          Sum& sum = sums[(slot - tap + kSize) % kSize][y][g];
          sum = V::multiply_add(sum, column[g], held[y * kSize + tap][g]);
        }
      }
    }
  }

  inline __attribute__((always_inline)) void add_padding(int slot, Sums (&sums)[kSize]) const {
    for (int tap = 0; tap < kSize; ++tap) {
      for (int y = 0; y < kOutRows; ++y) {
        for (int g = 0; g < 2; ++g) {
          Sum& sum = sums[(slot - tap + kSize) % kSize][y][g];
          sum = V::add(sum, V::load_init(row.padding + tap * kBlock, 2 * kHalf + g));
        }
      }
    }
  }

  // Columns x - 3 to x of the fifth row: all four for the output that begins there, the last for the one before it.
  inline __attribute__((always_inline)) void add_flat(Cursor& cursor, const char* from, const Held& held, int slot,
                                                      Sums (&sums)[kSize]) const {
    const Bits next = V::load_bytes(from, mask), pair = half_of(cursor.last, next);
    Bits column[2];
    V::interleave_pairs(cursor.older, pair, column[0], column[1]);
    cursor.last = next;
    cursor.older = cursor.newer;
    cursor.newer = pair;
    for (int back = 3; back < 5; ++back) {
      for (int g = 0; g < 2; ++g) {
        Sum& sum = sums[(slot - back + kSize) % kSize][0][g];
        sum = V::multiply_add(sum, column[g], held[kUpright + back - 3][g]);
      }
    }
  }

  template <int kSlot, class Finish>
  inline __attribute__((always_inline)) void step(std::int64_t x, Cursor& cursor, const Held& held, Sums (&sums)[kSize],
                                                  const Finish& finish) const {
    for (int y = 0; y < kOutRows; ++y) {
      for (int g = 0; g < 2; ++g) sums[kSlot][y][g] = V::load_init(row.init, 2 * kHalf + g);
    }
    const bool inside = cursor.x >= 0 && cursor.x < row.in_width;
    if (inside) {
      add_upright(cursor, held, kSlot, sums);
    } else {
      add_padding(kSlot, sums);
    }
    if constexpr (kSize == 5) add_flat(cursor, inside ? cursor.at[4] : row.zeros, held, kSlot, sums);
    ++cursor.x;
    for (int r = 0; r < kRows; ++r) cursor.at[r] += row.steps[r];
    const std::int64_t done = x - (kSize - 1);
    if (done >= row.begin && done < row.end) finish(done, sums[(kSlot + 1) % kSize]);
  }

  template <class Finish>
  inline __attribute__((always_inline)) void sweep(const Finish& finish) const {
    Sums sums[kSize];
    for (auto& of : sums) {
      for (int y = 0; y < kOutRows; ++y) {
        for (int g = 0; g < 2; ++g) of[y][g] = V::load_init(row.init, 2 * kHalf + g);
      }
    }
    Held held;
    for (int i = 0; i < kWeights; ++i) {
      for (int g = 0; g < 2; ++g)
        held[i][g] = V::load_weights(static_cast<const char*>(row.weights) + (4 * i + 2 * kHalf + g) * kPart);
    }
    Cursor cursor;
    cursor.x = row.begin - row.pad_left;
    for (int r = 0; r < kRows; ++r) cursor.at[r] = row.rows[r] + cursor.x * row.steps[r];
    cursor.last = cursor.older = cursor.newer = V::nothing();
    const std::int64_t end = row.end + kSize - 1;
    for (std::int64_t x = row.begin; x < end; x += kSize) {
      step<0>(x, cursor, held, sums, finish);
      step<1>(x + 1, cursor, held, sums, finish);
      step<2>(x + 2, cursor, held, sums, finish);
      if constexpr (kSize > 3) step<3>(x + 3, cursor, held, sums, finish);
      if constexpr (kSize > 3) step<4>(x + 4, cursor, held, sums, finish);
    }
  }
};

template <class V, Extra kExtra, Then kThen, int kHalf, class Sweep>
void depthwise_half_core(const Sweep& sweep, const ByteConstants<V>& k, std::int64_t out_width,
                         typename V::Bits (*words)[kWaiting]) {
  constexpr Then kRounded = kThen == Then::hard_swish ? Then::hard_swish : Then::nothing;
  const DepthwiseRow& row = sweep.row;
  const SwishConstants<V> swish(*row.epilogue);
  const auto low = V::set_bytes(row.low), high = V::set_bytes(row.high);
  const std::int64_t out_stride = row.epilogue->out_stride, begin = row.begin;
  auto* out = static_cast<std::uint8_t*>(row.epilogue->out) + row.m * out_stride + row.n;
  sweep.sweep([&](std::int64_t x, const typename Sweep::Sums& sums) {
    for (int y = 0; y < static_cast<int>(sizeof(sums) / sizeof(sums[0])); ++y) {
      typename V::S32 q[2];
      for (int g = 0; g < 2; ++g) {
        const auto t = V::mul(V::to_f32(sums[y][g]), V::load(row.scale + (2 * kHalf + g) * V::kLanes));
        q[g] = to_integer<V, kExtra, kRounded, false>(k, swish, t);
      }
      const auto packed = V::pack_words(q[0], q[1], k.zero_point);
      if constexpr (kHalf == 0) {
        words[y][x - begin] = packed;
      } else {
        auto bytes = V::pack_bytes(words[y][x - begin], packed);
        if constexpr (kThen == Then::limits) bytes = V::limit_bytes(bytes, low, high);
        V::store_block(out + (x + y * out_width) * out_stride, bytes, sweep.mask);
      }
    }
  });
}

template <class V, int kSize, int kOutRows, Extra kExtra, Then kThen>
void depthwise_halves(const DepthwiseRow& row, const ByteConstants<V>& k) {
  typename V::Bits words[kOutRows][kWaiting];
  DepthwiseRow part = row;
  const typename V::Mask mask(row.channels);
  for (part.begin = row.begin; part.begin < row.end; part.begin = part.end) {
    part.end = part.begin + kWaiting < row.end ? part.begin + kWaiting : row.end;
    depthwise_half_core<V, kExtra, kThen, 0>(HalfSweep<V, kSize, kOutRows, 0>{part, mask}, k, row.out_width, words);
    depthwise_half_core<V, kExtra, kThen, 1>(HalfSweep<V, kSize, kOutRows, 1>{part, mask}, k, row.out_width, words);
  }
}

template <class V, int kHalf>
void store_half_core(const DepthwiseRow& row) {
  auto* const acc = static_cast<std::int32_t*>(row.acc);
  const HalfSweep<V, 5, 1, kHalf> sweep{row, typename V::Mask(row.channels)};
  sweep.sweep([&](std::int64_t x, const typename V::Sum(&sums)[1][2]) {
    for (int g = 0; g < 2; ++g) V::store(acc + ((x - row.begin) * 4 + 2 * kHalf + g) * V::kLanes, sums[0][g]);
  });
}

// Sums in the order of channels.
template <class V>
void store_halves(const DepthwiseRow& row) {
  store_half_core<V, 0>(row);
  store_half_core<V, 1>(row);
  auto* const acc = static_cast<std::int32_t*>(row.acc);
  for (std::int64_t x = 0; x < row.end - row.begin; ++x) {
    typename V::Sum sums[4];
    for (int g = 0; g < 4; ++g) sums[g] = V::load(acc + (x * 4 + g) * V::kLanes);
    V::store_sums(reinterpret_cast<char*>(acc + x * 4 * V::kLanes), sums);
  }
}

template <class V, int kSize, int kOutRows>
void depthwise_halves_core(const DepthwiseRow& row) noexcept {
  if constexpr (kOutRows == 1) {
    if (!row.in_registers) return store_halves<V>(row);
  }
  const ByteConstants<V> k(*row.epilogue);
  if (k.then == Then::hard_swish) return depthwise_halves<V, kSize, kOutRows, Extra::rescale, Then::hard_swish>(row, k);
  k.then == Then::nothing ? depthwise_halves<V, kSize, kOutRows, Extra::none, Then::nothing>(row, k)
                          : depthwise_halves<V, kSize, kOutRows, Extra::none, Then::limits>(row, k);
}

template <class V>
constexpr DepthwiseRows with_halves(DepthwiseRows rows) {
  rows.two_rows = depthwise_halves_core<V, 3, 2>;
  rows.run[1][0] = depthwise_halves_core<V, 5, 1>;
  rows.halves = true;
  return rows;
}

}  // namespace
}  // namespace octet::kernels
