// The inner loops, once, for whatever a vector is. Included only by the files of one instruction set and by the
// reference; everything is in an anonymous namespace, as they demand.
//
// A Vector says: kLanes, F32, zero(), load(p), store(p, v), broadcast(p), multiply_add(sum, a, b).
#pragma once

#include "octet/kernels/weight_grad_f32/weight_grad_f32.h"

namespace octet::kernels {
namespace {

template <class Vector, int kRows, int kVectors>
void run_core(const PixelWalk& walk, const float* a, const float* b, float* acc, std::int64_t ld) noexcept {
  typename Vector::F32 sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) sum[r][v] = Vector::load(acc + r * ld + v * Vector::kLanes);
  }
  for (std::int64_t y = 0; y < walk.height; ++y) {
    const float *pa = a + y * walk.a_row, *pb = b + y * walk.b_row;
    for (std::int64_t x = 0; x < walk.width; ++x, pa += walk.a_pixel, pb += walk.b_pixel) {
      typename Vector::F32 column[kVectors];
      for (int v = 0; v < kVectors; ++v) column[v] = Vector::load(pb + v * Vector::kLanes);
      for (int r = 0; r < kRows; ++r) {
        const auto row = Vector::broadcast(pa + r);
        for (int v = 0; v < kVectors; ++v) sum[r][v] = Vector::multiply_add(sum[r][v], row, column[v]);
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) Vector::store(acc + r * ld + v * Vector::kLanes, sum[r][v]);
  }
}

/// WeightGradKernel::core for up to kRows rows: one loop for each number of rows.
template <class Vector, int kRows, int kVectors>
void core(const PixelWalk& walk, const float* a, const float* b, int rows, float* acc, std::int64_t ld) noexcept {
  if constexpr (kRows > 1) {
    if (rows < kRows) return core<Vector, kRows - 1, kVectors>(walk, a, b, rows, acc, ld);
  }
  run_core<Vector, kRows, kVectors>(walk, a, b, acc, ld);
}

template <class Vector>
void diagonal(const PixelWalk& walk, const float* a, const float* b, std::int64_t channels, float* acc) noexcept {
  std::int64_t c = 0;
  for (; c + Vector::kLanes <= channels; c += Vector::kLanes) {
    typename Vector::F32 even = Vector::load(acc + c), odd = Vector::zero();
    for (std::int64_t y = 0; y < walk.height; ++y) {
      const float *pa = a + y * walk.a_row + c, *pb = b + y * walk.b_row + c;
      std::int64_t x = 0;
      for (; x + 2 <= walk.width; x += 2, pa += 2 * walk.a_pixel, pb += 2 * walk.b_pixel) {
        even = Vector::multiply_add(even, Vector::load(pa), Vector::load(pb));
        odd = Vector::multiply_add(odd, Vector::load(pa + walk.a_pixel), Vector::load(pb + walk.b_pixel));
      }
      if (x < walk.width) even = Vector::multiply_add(even, Vector::load(pa), Vector::load(pb));
    }
    Vector::store(acc + c, Vector::add(even, odd));
  }
  for (; c < channels; ++c) {
    float sum = acc[c];
    for (std::int64_t y = 0; y < walk.height; ++y) {
      const float *pa = a + y * walk.a_row + c, *pb = b + y * walk.b_row + c;
      for (std::int64_t x = 0; x < walk.width; ++x) sum += pa[x * walk.a_pixel] * pb[x * walk.b_pixel];
    }
    acc[c] = sum;
  }
}

}  // namespace
}  // namespace octet::kernels
