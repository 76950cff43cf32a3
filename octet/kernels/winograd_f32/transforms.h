// The transforms, once, for whatever a vector is. Included only by the files of one instruction set and by the
// reference; everything is in an anonymous namespace, as they demand. A Vector says: kLanes, F32, load, store, add,
// sub, multiply_add(factor, a, b) = factor * a + b, relu.
//
// Each works along columns first, then along rows; a line is six or four numbers `step` apart.
#pragma once

#include "octet/kernels/winograd_f32/winograd_f32.h"

namespace octet::kernels {
namespace {

// B' of six numbers.
template <class V, class Read>
void input_line(const Read& read, typename V::F32* out, int step) {
  const auto a = read(0), b = read(1), c = read(2), d = read(3), e = read(4), f = read(5);
  const auto even = V::multiply_add(-4, c, e), odd = V::multiply_add(-4, b, d);
  const auto far_even = V::sub(e, c), far_odd = V::sub(d, b);
  out[0] = V::multiply_add(4, a, V::multiply_add(-5, c, e));
  out[step] = V::add(even, odd);
  out[2 * step] = V::sub(even, odd);
  out[3 * step] = V::multiply_add(2, far_odd, far_even);
  out[4 * step] = V::multiply_add(-2, far_odd, far_even);
  out[5 * step] = V::multiply_add(4, b, V::multiply_add(-5, d, f));
}

template <class V>
void input(const float* const* pixels, std::int64_t channels, std::int64_t step, float* v) noexcept {
  for (std::int64_t c = 0; c < channels; c += V::kLanes) {
    typename V::F32 half[36];
    for (int x = 0; x < 6; ++x) input_line<V>([&](int i) { return V::load(pixels[6 * i + x] + c); }, half + x, 6);
    for (int y = 0; y < 6; ++y) {
      typename V::F32 line[6];
      input_line<V>([&](int i) { return half[6 * y + i]; }, line, 1);
      for (int x = 0; x < 6; ++x) V::store(v + (6 * y + x) * step + c, line[x]);
    }
  }
}

// A' of six numbers.
template <class V, class Read>
void output_line(const Read& read, typename V::F32* out, int step) {
  const auto near_1 = read(1), near_2 = read(2), far_1 = read(3), far_2 = read(4);
  const auto near_sum = V::add(near_1, near_2), near_difference = V::sub(near_1, near_2);
  const auto far_sum = V::add(far_1, far_2), far_difference = V::sub(far_1, far_2);
  out[0] = V::add(V::add(read(0), near_sum), far_sum);
  out[step] = V::multiply_add(2, far_difference, near_difference);
  out[2 * step] = V::multiply_add(4, far_sum, near_sum);
  out[3 * step] = V::add(V::multiply_add(8, far_difference, near_difference), read(5));
}

template <class V>
void write_output(typename V::F32 value, int k, std::int64_t n, const WinogradOut& to) {
  if (to.out[k] == nullptr) return;
  if (to.bias != nullptr) value = V::add(value, V::load(to.bias + n));
  if (to.residual[k] != nullptr) value = V::add(value, V::load(to.residual[k] + n));
  if (to.relu) value = V::relu(value);
  V::store(to.out[k] + n, value);
}

template <class V>
void output(const float* m, std::int64_t step, std::int64_t columns, const WinogradOut& to) noexcept {
  for (std::int64_t n = 0; n < columns; n += V::kLanes) {
    typename V::F32 half[24];
    for (int x = 0; x < 6; ++x) {
      output_line<V>([&](int i) { return V::load(m + (6 * i + x) * step + n); }, half + x, 6);
    }
    for (int y = 0; y < 4; ++y) {
      typename V::F32 line[4];
      output_line<V>([&](int i) { return half[6 * y + i]; }, line, 1);
      for (int x = 0; x < 4; ++x) write_output<V>(line[x], 4 * y + x, n, to);
    }
  }
}

// A of four numbers.
template <class V, class Read>
void gradient_line(const Read& read, typename V::F32* out, int step) {
  const auto a = read(0), b = read(1), c = read(2), d = read(3);
  const auto even = V::add(a, c), odd = V::add(b, d);
  const auto far_even = V::multiply_add(4, c, a), far_odd = V::multiply_add(4, d, b);
  out[0] = a;
  out[step] = V::add(even, odd);
  out[2 * step] = V::sub(even, odd);
  out[3 * step] = V::multiply_add(2, far_odd, far_even);
  out[4 * step] = V::multiply_add(-2, far_odd, far_even);
  out[5 * step] = d;
}

template <class V>
void gradient(const float* const* dy, std::int64_t columns, std::int64_t step, float* v) noexcept {
  for (std::int64_t n = 0; n < columns; n += V::kLanes) {
    typename V::F32 half[24];
    for (int x = 0; x < 4; ++x) gradient_line<V>([&](int i) { return V::load(dy[4 * i + x] + n); }, half + x, 4);
    for (int y = 0; y < 6; ++y) {
      typename V::F32 line[6];
      gradient_line<V>([&](int i) { return half[4 * y + i]; }, line, 1);
      for (int x = 0; x < 6; ++x) V::store(v + (6 * y + x) * step + n, line[x]);
    }
  }
}

}  // namespace
}  // namespace octet::kernels
