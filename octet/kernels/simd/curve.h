// Curves (math/gelu_curve.h) in vectors of any length. Included only by the files of one instruction set.
#pragma once

#include <cstdint>

#include "octet/kernels/math/gelu_curve.h"

namespace octet::kernels {
namespace {

/// The polynomials of a curve. What is rounded by adding kCurveRound has the order of its bits, so integers limit it.
template <class V>
struct Curve {
  typename V::Table16 terms[kCurveTerms];

  explicit Curve(const float* table) {
    for (int i = 0; i < kCurveTerms; ++i) terms[i] = V::load_table(table + i * kCurvePieces);
  }
  /// Of several vectors, side by side: the steps of one wait for each other.
  template <int kVectors>
  inline __attribute__((always_inline)) void apply(typename V::F32 (&l)[kVectors]) const {
    constexpr auto kZero = __builtin_bit_cast(std::int32_t, kCurveRound);
    typename V::S32 n[kVectors];
    typename V::F32 y[kVectors];
    for (int v = 0; v < kVectors; ++v) n[v] = V::bits(V::add(l[v], V::set(kCurveRound)));
    for (int v = 0; v < kVectors; ++v) n[v] = V::lesser(V::greater(n[v], V::set(kZero - 8)), V::set(kZero + 7));
    for (int v = 0; v < kVectors; ++v) y[v] = V::look_up(terms[kCurveTerms - 1], n[v]);
    for (int i = kCurveTerms - 2; i >= 0; --i) {
      for (int v = 0; v < kVectors; ++v) y[v] = V::multiply_add(y[v], l[v], V::look_up(terms[i], n[v]));
    }
    for (int v = 0; v < kVectors; ++v) l[v] = y[v];
  }
};

}  // namespace
}  // namespace octet::kernels
