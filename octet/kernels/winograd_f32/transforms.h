// The transforms, once, for whatever a vector is. Included only by the files of one instruction set and by the
// reference; everything is in an anonymous namespace, as they demand. A Vector says: kLanes, F32, load, store, add,
// sub, negative, relu.
#pragma once

#include "octet/kernels/winograd_f32/winograd_f32.h"

namespace octet::kernels {
namespace {

// B' applied to four numbers.
template <class V>
void input_line(const typename V::F32& a, const typename V::F32& b, const typename V::F32& c, const typename V::F32& d,
                typename V::F32* out, int step) {
  out[0] = V::sub(a, c);
  out[step] = V::add(b, c);
  out[2 * step] = V::sub(c, b);
  out[3 * step] = V::sub(b, d);
}

template <class V>
void input(const float* const* pixels, std::int64_t channels, std::int64_t step, float* v) noexcept {
  for (std::int64_t c = 0; c < channels; c += V::kLanes) {
    typename V::F32 half[16], whole[16];
    for (int x = 0; x < 4; ++x) {
      input_line<V>(V::load(pixels[x] + c), V::load(pixels[4 + x] + c), V::load(pixels[8 + x] + c),
                    V::load(pixels[12 + x] + c), half + x, 4);
    }
    for (int y = 0; y < 4; ++y) {
      input_line<V>(half[4 * y], half[4 * y + 1], half[4 * y + 2], half[4 * y + 3], whole + 4 * y, 1);
    }
    for (int i = 0; i < 16; ++i) V::store(v + i * step + c, whole[i]);
  }
}

template <class V>
void output(const float* m, std::int64_t step, std::int64_t columns, const WinogradOut& to) noexcept {
  for (std::int64_t n = 0; n < columns; n += V::kLanes) {
    typename V::F32 half[8], y[4];
    for (int x = 0; x < 4; ++x) {
      const auto at = [&](int row) { return V::load(m + (4 * row + x) * step + n); };
      const auto b = at(1), c = at(2);
      half[x] = V::add(V::add(at(0), b), c);
      half[4 + x] = V::sub(V::sub(b, c), at(3));
    }
    for (int r = 0; r < 2; ++r) {
      y[2 * r] = V::add(V::add(half[4 * r], half[4 * r + 1]), half[4 * r + 2]);
      y[2 * r + 1] = V::sub(V::sub(half[4 * r + 1], half[4 * r + 2]), half[4 * r + 3]);
    }
    for (int k = 0; k < 4; ++k) {
      if (to.out[k] == nullptr) continue;
      typename V::F32 value = y[k];
      if (to.bias != nullptr) value = V::add(value, V::load(to.bias + n));
      if (to.residual[k] != nullptr) value = V::add(value, V::load(to.residual[k] + n));
      if (to.relu) value = V::relu(value);
      V::store(to.out[k] + n, value);
    }
  }
}

// A applied to two numbers.
template <class V>
void gradient_line(const typename V::F32& a, const typename V::F32& b, typename V::F32* out, int step) {
  out[0] = a;
  out[step] = V::add(a, b);
  out[2 * step] = V::sub(a, b);
  out[3 * step] = V::negative(b);
}

template <class V>
void gradient(const float* const* dy, std::int64_t columns, std::int64_t step, float* v) noexcept {
  for (std::int64_t n = 0; n < columns; n += V::kLanes) {
    typename V::F32 half[8], whole[16];
    for (int x = 0; x < 2; ++x) gradient_line<V>(V::load(dy[x] + n), V::load(dy[2 + x] + n), half + x, 2);
    for (int y = 0; y < 4; ++y) gradient_line<V>(half[2 * y], half[2 * y + 1], whole + 4 * y, 1);
    for (int i = 0; i < 16; ++i) V::store(v + i * step + n, whole[i]);
  }
}

}  // namespace
}  // namespace octet::kernels
