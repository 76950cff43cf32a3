#include "octet/kernels/igemm/pack.h"

#include <algorithm>
#include <cstring>

#include "octet/kernels/igemm/narrow.h"

namespace octet::kernels {
namespace {

using Four = float __attribute__((vector_size(16)));

Four load_four(const float* from) {
  Four out;
  std::memcpy(&out, from, sizeof(out));
  return out;
}

// Panel columns that lie in memory one after another, k by k within each: blocks of four by four are turned.
void turn_columns(const float* w, std::int64_t stride, std::int64_t count, int columns, int nr, float* out) {
  int c = 0;
  for (; c + 4 <= columns; c += 4) {
    const float* from = w + c * stride;
    std::int64_t k = 0;
    for (; k + 4 <= count; k += 4) {
      const Four r0 = load_four(from + k), r1 = load_four(from + stride + k), r2 = load_four(from + 2 * stride + k),
                 r3 = load_four(from + 3 * stride + k);
      const Four a = __builtin_shufflevector(r0, r1, 0, 4, 1, 5), b = __builtin_shufflevector(r2, r3, 0, 4, 1, 5);
      const Four d = __builtin_shufflevector(r0, r1, 2, 6, 3, 7), e = __builtin_shufflevector(r2, r3, 2, 6, 3, 7);
      const Four turned[] = {__builtin_shufflevector(a, b, 0, 1, 4, 5), __builtin_shufflevector(a, b, 2, 3, 6, 7),
                             __builtin_shufflevector(d, e, 0, 1, 4, 5), __builtin_shufflevector(d, e, 2, 3, 6, 7)};
      for (int i = 0; i < 4; ++i) std::memcpy(out + (k + i) * nr + c, &turned[i], sizeof(Four));
    }
    for (; k < count; ++k) {
      for (int i = 0; i < 4; ++i) out[k * nr + c + i] = from[i * stride + k];
    }
  }
  for (; c < columns; ++c) {
    for (std::int64_t k = 0; k < count; ++k) out[k * nr + c] = w[c * stride + k];
  }
}

// One tap of one panel, k by k: nr weights (fewer at the right edge) spread over the kr interleave.
template <class T>
void pack_tap(const IgemmKernel& kernel, const WeightSource& s, const T* w, int columns, T* out) {
  if constexpr (sizeof(T) == 4) {
    const std::int64_t k_stride = s.k_inner == 1 ? s.k_outer_stride : s.k_inner >= s.k ? s.k_inner_stride : 0;
    if (kernel.kr == 1 && k_stride == 1 && s.n_stride != 1)
      return turn_columns(w, s.n_stride, s.k, columns, kernel.nr, out);
  }
  for (std::int64_t k = 0; k < s.k; ++k) {
    const T* from = w + k / s.k_inner * s.k_outer_stride + k % s.k_inner * s.k_inner_stride;
    T* to = out + k / kernel.kr * kernel.nr * kernel.kr + k % kernel.kr;
    if (kernel.kr == 1 && s.n_stride == 1) {
      std::memcpy(to, from, static_cast<std::size_t>(columns) * sizeof(T));
      continue;
    }
    for (int c = 0; c < columns; ++c) {
      if constexpr (sizeof(T) == 1) {
        to[c * kernel.kr] = static_cast<T>(from[c * s.n_stride] ^ s.flip);
      } else {
        to[c * kernel.kr] = from[c * s.n_stride];
      }
    }
  }
}

void add_columns(const IgemmKernel& kernel, std::int64_t steps, const std::int8_t* panel, std::int32_t* sums) {
  for (std::int64_t step = 0; step < steps; ++step) {
    for (int c = 0; c < kernel.nr; ++c) {
      for (int i = 0; i < kernel.kr; ++i) sums[c] += *panel++;
    }
  }
}

std::int64_t steps_of(const IgemmKernel& kernel, const WeightSource& s) { return (s.k + kernel.kr - 1) / kernel.kr; }

// The weights of panel `index`, into memory that is zero.
template <class T>
void pack_taps(const IgemmKernel& kernel, const WeightSource& s, std::int64_t index, T* out) {
  const std::int64_t n = index * kernel.nr;
  const int columns = static_cast<int>(std::min<std::int64_t>(kernel.nr, s.n - n));
  for (std::int64_t tap = 0; tap < s.taps; ++tap) {
    const T* w = static_cast<const T*>(s.w) + tap / s.taps_x * s.tap_y_stride + tap % s.taps_x * s.tap_x_stride;
    pack_tap(kernel, s, w + n * s.n_stride, columns, out + tap * steps_of(kernel, s) * kernel.nr * kernel.kr);
  }
}

template <class T>
void pack_panel(const IgemmKernel& kernel, const WeightSource& s, std::int64_t index, char* panel) {
  std::memset(panel, 0, static_cast<std::size_t>(packed_panel_bytes(kernel, s.taps, s.k)));
  T* const out = reinterpret_cast<T*>(panel);
  pack_taps(kernel, s, index, out);
  if constexpr (sizeof(T) == 1) {
    auto* sums = reinterpret_cast<std::int32_t*>(panel + column_sums_offset(kernel, s.taps, s.k));
    add_columns(kernel, s.taps * steps_of(kernel, s), out, sums);
    if (kernel.narrow != nullptr)
      split_weights(kernel, s.taps, steps_of(kernel, s), out, panel + corrections_offset(kernel, s.taps, s.k));
  }
}

}  // namespace

std::int64_t packed_panel_bytes(const IgemmKernel& kernel, std::int64_t taps, std::int64_t k) {
  const std::int64_t steps = taps * ((k + kernel.kr - 1) / kernel.kr);
  const std::int64_t more = kernel.narrow == nullptr ? 0 : correction_bytes(kernel, steps);
  return (corrections_offset(kernel, taps, k) + more + 63) / 64 * 64;
}

void pack_weights(const IgemmKernel& kernel, const WeightSource& source, std::int64_t index, std::int8_t* panel) {
  std::memset(panel, 0, static_cast<std::size_t>(column_sums_offset(kernel, source.taps, source.k)));
  pack_taps(kernel, source, index, panel);
}

void pack_panels(const IgemmKernel& kernel, const WeightSource& source, void* packed, std::int64_t first,
                 std::int64_t last) {
  const std::int64_t bytes = packed_panel_bytes(kernel, source.taps, source.k);
  for (std::int64_t i = first; i < last; ++i) {
    char* panel = static_cast<char*>(packed) + i * bytes;
    if (kernel.a_bytes == 4) {
      pack_panel<float>(kernel, source, i, panel);
    } else {
      pack_panel<std::int8_t>(kernel, source, i, panel);
    }
  }
}

}  // namespace octet::kernels
