// The epilogue of s32 sums that a curve makes bytes of (only_curve), a row of sums at a time: the same steps as
// finish_reference.cpp, so the same bits. Included only by the files of one instruction set.
#pragma once

#include "octet/kernels/igemm/epilogue.h"
#include "octet/kernels/igemm/finish_any.h"

namespace octet::kernels {
namespace {

template <class V, int kVectors, bool kGuarded>
struct CurveColumns {
  Curve<V> curve;
  typename V::F32 scale[kVectors], bias[kVectors], most;
  typename V::S32 zero_point;

  inline __attribute__((always_inline)) CurveColumns(const Epilogue& e, std::int64_t n)
      : curve(e.curve), most(V::set(static_cast<float>(255 - e.zero_point))), zero_point(V::set_s16(e.zero_point)) {
    for (int v = 0; v < kVectors; ++v) {
      scale[v] = V::load(e.scale + n + v * V::kLanes);
      // A missing bias is -0, which changes no bit.
      bias[v] = e.bias_f32 == nullptr ? V::set(-0.0f) : V::load(e.bias_f32 + n + v * V::kLanes);
    }
  }

  /// kTogether vectors of sums from v on to integers.
  template <int kTogether>
  inline __attribute__((always_inline)) void round(const typename V::S32 (&sum)[kVectors], int v,
                                                   typename V::S32 (&q)[4]) const {
    typename V::F32 l[kTogether];
    for (int i = 0; i < kTogether; ++i) l[i] = V::add(V::mul(V::to_f32(sum[v + i]), scale[v + i]), bias[v + i]);
    curve.apply(l);
    for (int i = 0; i < kTogether; ++i) q[v + i] = V::round(kGuarded ? V::lesser(l[i], most) : l[i]);
  }

  /// A row of sums to its bytes: four vectors at most. The lower limit is where narrowing saturates.
  inline __attribute__((always_inline)) void finish(const typename V::S32 (&sum)[kVectors], std::uint8_t* out) const {
    typename V::S32 q[4];
    for (int v = 0; v + 2 <= kVectors; v += 2) round<2>(sum, v, q);
    if constexpr (kVectors % 2 == 1) round<1>(sum, kVectors - 1, q);
    for (int v = kVectors; v < 4; ++v) q[v] = q[0];
    V::template store_vectors<kVectors>(out, V::pack_u8(q[0], q[1], q[2], q[3], zero_point));
  }
};

/// Columns from c on: four vectors at a time as long as there are four, then one.
template <class V, int kVectors, int kStride>
int finish_curve_columns(const Epilogue& e, const std::int32_t* acc, const TileSpan& span, int c) {
  auto* const out = static_cast<std::uint8_t*>(e.out) + span.n;
  for (; c + kVectors * V::kLanes <= span.columns; c += kVectors * V::kLanes) {
    const CurveColumns<V, kVectors, true> columns(e, span.n + c);
    for (int r = 0; r < span.rows; ++r) {
      typename V::S32 sum[kVectors];
      for (int v = 0; v < kVectors; ++v) sum[v] = V::load(acc + r * kStride + c + v * V::kLanes);
      columns.finish(sum, out + span.m[r] * e.out_stride + c);
    }
  }
  return c;
}

/// Of sums acc[rows][kStride]. The table is left out.
template <class V, int kStride>
void finish_curve(const Epilogue& e, const std::int32_t* acc, const TileSpan& span) {
  int c = finish_curve_columns<V, 4, kStride>(e, acc, span, 0);
  c = finish_curve_columns<V, 1, kStride>(e, acc, span, c);
  Epilogue without_table = e;
  without_table.lookup = nullptr;
  if (c < span.columns) finish_any<V, std::int32_t, kStride>(without_table, acc, span, c);
}

}  // namespace
}  // namespace octet::kernels
