// The sweep of depthwise_rows.h, once, for whatever a vector is. Included only by the files of one
// instruction set; everything is in an anonymous namespace, as they demand.
//
// A Vector says: Sum, Column (types), kRegisters, kGroups vectors of kLanes channels to a block, parts<kRows> (the
// multiply-adds of a column; kTaps rows each), Mask(channels), load_column<kRows>(pointers, mask,
// column[parts][kGroups]), load_padding(zeros), load_weights(p), multiply_add(sum, column,
// weights), load_init(p), store_sums(p, sums), and for s32 sums the
// functions of finish_bytes.h with pack_groups(q, zero_point), set_bytes(v), limit_bytes(bytes, low, high) and
// store_block(p, bytes, mask); for f32 sums load_group(p, channels, group), store_group(p, v, mask, group) and
// store_byte_group(p, integers, mask, group).
#pragma once

#include "octet/kernels/igemm/depthwise_rows.h"
#include "octet/kernels/igemm/finish_bytes.h"

namespace octet::kernels {
namespace {

template <class V, int kRows, int kWidth, int kStride>
struct DepthwiseSweep {
  static constexpr int kParts = V::template parts<kRows>(), kGroups = V::kGroups;
  static constexpr int kBlock = kGroups * V::kLanes;
  // Outputs that one column reaches are in the making at the same time.
  static constexpr int kRing = (kWidth + kStride - 1) / kStride;
  using Sums = typename V::Sum[kGroups];
  // The first weights of three taps stay in registers, where there are 32, beside the sums, a column and what is
  // passing through.
  static constexpr int kWeights = kWidth * kParts * kGroups;
  static constexpr int kSpare = V::kRegisters - kRing * kGroups - kParts * kGroups - (kStride == 1 ? 4 : 14);
  static constexpr int kHeld = V::kRegisters < 32 || kSpare < 0 ? 0 : kSpare < kWeights ? kSpare : kWeights;
  using Held = typename V::Column[kHeld == 0 ? 1 : kHeld];

  const DepthwiseRow& row;
  typename V::Mask mask;

  // Where the next column of the input lies.
  struct Cursor {
    std::int64_t x;
    const char* at[kRows];

    Cursor(const DepthwiseRow& of, std::int64_t first) : x(first) {
      for (int r = 0; r < kRows; ++r) at[r] = of.rows[r] + first * of.steps[r];
    }
    void advance(const DepthwiseRow& of) {
      ++x;
      for (int r = 0; r < kRows; ++r) at[r] += of.steps[r];
    }
  };

  // The next column of the input times its weights, into the sums of the outputs that it reaches.
  template <int kSlot, int kPhase>
  inline __attribute__((always_inline)) void add_column(Cursor& cursor, const Held& held, Sums (&sums)[kRing]) const {
    typename V::Column column[kParts][kGroups];
    if (cursor.x >= 0 && cursor.x < row.in_width) {
      V::template load_column<kRows>(cursor.at, mask, column);
    } else if constexpr (kWidth > 3) {
      for (int part = 0; part < kParts; ++part) {
        for (int g = 0; g < kGroups; ++g) column[part][g] = V::load_padding(row.zeros);
      }
    } else {
      // Of narrow windows padding is no great part, and this needs fewer registers.
      const char* zeros[kRows];
      for (int r = 0; r < kRows; ++r) zeros[r] = row.zeros;
      V::template load_column<kRows>(zeros, mask, column);
    }
    cursor.advance(row);
    const auto* w = static_cast<const char*>(row.weights);
    __asm__ volatile("" : "+r"(w));  // the other weights stay in memory: the registers are for the sums
    add_taps<kSlot, kPhase, 0>(w, held, column, sums);
  }

  // To the output kBack before the newest, and those before it.
  template <int kSlot, int kPhase, int kBack>
  static inline __attribute__((always_inline)) void add_taps(const char* w, const Held& held,
                                                             const typename V::Column (&column)[kParts][kGroups],
                                                             Sums (&sums)[kRing]) {
    constexpr int kTap = kPhase + kBack * kStride;
    if constexpr (kBack < kRing && kTap < kWidth) {
      Sums& sum = sums[(kSlot - kBack + kRing) % kRing];
      for (int part = 0; part < kParts; ++part) {
        for (int g = 0; g < kGroups; ++g) {
          const int i = (kTap * kParts + part) * kGroups + g;
          sum[g] =
              V::multiply_add(sum[g], column[part][g], i < kHeld ? held[i] : V::load_weights(w + i * V::kWeightBytes));
        }
      }
      add_taps<kSlot, kPhase, kBack + 1>(w, held, column, sums);
    }
  }

  template <int kSlot, class Finish>
  inline __attribute__((always_inline)) void step(std::int64_t x, Cursor& cursor, const Held& held, Sums (&sums)[kRing],
                                                  const Finish& finish) const {
    for (int g = 0; g < kGroups; ++g) sums[kSlot][g] = V::load_init(row.init, g);
    add_column<kSlot, 0>(cursor, held, sums);
    if constexpr (kStride == 2) add_column<kSlot, 1>(cursor, held, sums);
    const std::int64_t done = x - (kRing - 1);
    if (done >= row.begin && done < row.end) finish(done, sums[(kSlot + 1) % kRing]);
  }

  // After output x's own columns, output x - kRing + 1 is complete.
  template <class Finish>
  inline __attribute__((always_inline)) void sweep(const Finish& finish) const {
    Sums sums[kRing];
    for (int i = 0; i < kRing; ++i) {
      for (int g = 0; g < kGroups; ++g) sums[i][g] = V::load_init(row.init, g);
    }
    Held held;
    for (int i = 0; i < kHeld; ++i)
      held[i] = V::load_weights(static_cast<const char*>(row.weights) + i * V::kWeightBytes);
    Cursor cursor(row, row.begin * kStride - row.pad_left);
    const std::int64_t end = row.end + kRing - 1;
    for (std::int64_t x = row.begin; x < end; x += kRing) {
      step<0>(x, cursor, held, sums, finish);
      if constexpr (kRing > 1) step<1>(x + 1, cursor, held, sums, finish);
      if constexpr (kRing > 2) step<2>(x + 2, cursor, held, sums, finish);
      if constexpr (kRing > 3) step<3>(x + 3, cursor, held, sums, finish);
      if constexpr (kRing > 4) step<4>(x + 4, cursor, held, sums, finish);
    }
  }

  // Sums in the order of channels.
  void store() const {
    char* const acc = static_cast<char*>(row.acc);
    sweep([&](std::int64_t x, const Sums& sums) { V::store_sums(acc + (x - row.begin) * kBlock * 4, sums); });
  }
};

// Of f32 sums, to floats or bytes; without a residual, and with limits or a hard swish for an activation, in registers.
template <class V, bool kSwish, bool kBytes, class Sweep>
void depthwise_floats_core(const Sweep& sweep, const DepthwiseRow& row) {
  const Epilogue& e = *row.epilogue;
  const SwishConstants<V> swish(e);
  const bool relu = e.activation == Activation::relu, clamp = e.activation == Activation::clamp;
  const auto low = V::set(clamp ? e.alpha : relu ? 0.0f : -__builtin_inff());
  const auto high = V::set(clamp ? e.beta : __builtin_inff());
  const auto inv_scale = V::set(e.inv_scale), least = V::set(static_cast<float>(-e.zero_point));
  const auto most = V::set(static_cast<float>(255 - e.zero_point));
  const auto zero_point = V::set(e.zero_point);
  typename V::Sum bias[V::kGroups];
  for (int g = 0; g < V::kGroups; ++g)
    bias[g] = e.bias_f32 == nullptr ? V::set(-0.0f) : V::load_group(e.bias_f32 + row.n, row.channels, g);
  const std::int64_t first = row.m * e.out_stride + row.n, out_stride = e.out_stride;
  auto* const floats = static_cast<float*>(e.out) + first;
  auto* const bytes = static_cast<std::uint8_t*>(e.out) + first;
  sweep.sweep([&](std::int64_t x, const typename Sweep::Sums& sums) {
    for (int g = 0; g < V::kGroups; ++g) {
      auto v = V::add(sums[g], bias[g]);
      v = kSwish ? swish.after(swish.swish(v)) : V::lesser(high, V::greater(low, v));
      if constexpr (kBytes) {
        const auto t = V::greater(V::lesser(V::mul(v, inv_scale), most), least);
        V::store_byte_group(bytes + x * out_stride, V::add(V::round(t), zero_point), sweep.mask, g);
      } else {
        V::store_group(floats + x * out_stride, v, sweep.mask, g);
      }
    }
  });
}

template <class V, int kRows, int kWidth, int kStride>
void depthwise_row_core(const DepthwiseRow& row) noexcept {
  const DepthwiseSweep<V, kRows, kWidth, kStride> sweep{row, typename V::Mask(row.channels)};
  if (!row.in_registers) return sweep.store();
  const bool bytes = row.epilogue->out_type == Cell::u8;
  if (row.epilogue->activation == Activation::hard_swish)
    return bytes ? depthwise_floats_core<V, true, true>(sweep, row) : depthwise_floats_core<V, true, false>(sweep, row);
  bytes ? depthwise_floats_core<V, false, true>(sweep, row) : depthwise_floats_core<V, false, false>(sweep, row);
}

// The same for s32 sums that become bytes by a scale, or by a hard swish between two; limits are those of the bytes.
template <class V, Extra kExtra, Then kThen, class Sweep>
void depthwise_bytes_core(const Sweep& sweep, const DepthwiseRow& row, const ByteConstants<V>& k) {
  constexpr Then kRounded = kThen == Then::hard_swish ? Then::hard_swish : Then::nothing;
  const SwishConstants<V> swish(*row.epilogue);
  const auto low = V::set_bytes(row.low), high = V::set_bytes(row.high);
  auto* out = static_cast<std::uint8_t*>(row.epilogue->out) + row.m * row.epilogue->out_stride + row.n;
  const std::int64_t out_stride = row.epilogue->out_stride;
  sweep.sweep([&](std::int64_t x, const typename Sweep::Sums& sums) {
    typename V::S32 q[V::kGroups];
    for (int g = 0; g < V::kGroups; ++g) {
      const auto t = V::mul(V::to_f32(sums[g]), V::load(row.scale + g * V::kLanes));
      q[g] = to_integer<V, kExtra, kRounded, false>(k, swish, t);
    }
    auto bytes = V::pack_groups(q, k.zero_point);
    if constexpr (kThen == Then::limits) bytes = V::limit_bytes(bytes, low, high);
    V::store_block(out + x * out_stride, bytes, sweep.mask);
  });
}

template <class V, int kRows, int kWidth, int kStride>
void depthwise_row_core_s32(const DepthwiseRow& row) noexcept {
  const DepthwiseSweep<V, kRows, kWidth, kStride> sweep{row, typename V::Mask(row.channels)};
  if (!row.in_registers) return sweep.store();
  const ByteConstants<V> k(*row.epilogue);
  if (k.then == Then::hard_swish) return depthwise_bytes_core<V, Extra::rescale, Then::hard_swish>(sweep, row, k);
  k.then == Then::nothing ? depthwise_bytes_core<V, Extra::none, Then::nothing>(sweep, row, k)
                          : depthwise_bytes_core<V, Extra::none, Then::limits>(sweep, row, k);
}

/// Places of vectors whose 128-bit parts hold four channels each, kSpan channels from part to part.
template <int kGroups, int kParts, int kSpan>
struct ChannelOrder {
  std::uint8_t at[kGroups * kParts * 4] = {};
  constexpr ChannelOrder() {
    for (int g = 0; g < kGroups; ++g) {
      for (int i = 0; i < kParts * 4; ++i)
        at[g * kParts * 4 + i] = static_cast<std::uint8_t>(i / 4 * kSpan + g * 4 + i % 4);
    }
  }
};

template <class V>
constexpr DepthwiseRows depthwise_rows_s32(const std::uint8_t* order, bool whole_blocks,
                                           const IgemmKernel* tail = nullptr) {
  return {.run = {{depthwise_row_core_s32<V, 3, 3, 1>, depthwise_row_core_s32<V, 3, 3, 2>},
                  {depthwise_row_core_s32<V, 5, 5, 1>, depthwise_row_core_s32<V, 5, 5, 2>}},
          .taps_a_part = V::kTaps,
          .weight_bytes = 4 / V::kTaps,
          .order = order,
          .whole_blocks = whole_blocks,
          .tail = tail};
}

template <class V>
constexpr DepthwiseRows depthwise_rows_f32(const IgemmKernel* tail = nullptr) {
  return {.run = {{depthwise_row_core<V, 3, 3, 1>, depthwise_row_core<V, 3, 3, 2>},
                  {depthwise_row_core<V, 5, 5, 1>, depthwise_row_core<V, 5, 5, 2>}},
          .taps_a_part = 1,
          .weight_bytes = 4,
          .order = nullptr,
          .whole_blocks = false,
          .tail = tail};
}

}  // namespace
}  // namespace octet::kernels
