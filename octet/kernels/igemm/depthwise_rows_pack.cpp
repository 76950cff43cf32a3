#include <algorithm>
#include <cstring>

#include "octet/kernels/igemm/depthwise_rows_layout.h"

namespace octet::kernels {
namespace {

// T as stored: f32, s8, or s16 where the kernel multiplies words.
template <class From, class To>
void pack_block(const IgemmKernel& kernel, const ConvShape& s, const From* w, int channels, int flip, To* to) {
  const int step = kernel.rows->taps_a_part;
  for (std::int64_t x = 0; x < s.kernel_width; ++x) {
    for (std::int64_t part = 0; part < parts(kernel, s); ++part) {
      for (int place = 0; place < kernel.nr; ++place) {
        const int c = channel_at(kernel, place);
        for (int t = 0; t < step; ++t, ++to) {
          const std::int64_t y = part * step + t;
          if (y >= s.kernel_height || c >= channels) {
            *to = 0;
          } else if constexpr (sizeof(From) == 1) {
            *to = static_cast<std::int8_t>(w[(c * s.kernel_height + y) * s.kernel_width + x] ^ flip);
          } else {
            *to = w[(c * s.kernel_height + y) * s.kernel_width + x];
          }
        }
      }
    }
  }
}

// The tap of a 3x3 kernel that byte t of multiply-add i takes, or none (-1): columns for the first of two rows of
// outputs, as those of one row, then for the second, which begins a row later.
std::int64_t tap_of_3x3(std::int64_t i, int t) {
  const int y = i < 3 ? t : t - 1;
  return y < 0 || y > 2 ? -1 : 3 * y + i % 3;
}

// Of a 5x5 kernel: four rows of each column, the first four of the last row, the one that is left.
std::int64_t tap_of_5x5(std::int64_t i, int t) {
  if (i < 5) return 5 * t + i;
  return i == 5 ? 20 + t : t == 3 ? 24 : -1;
}

// As halves.h reads them: [multiply-add][block][4].
void pack_halves(const IgemmKernel& kernel, const ConvShape& s, const std::int8_t* w, int channels, int flip,
                 std::int8_t* to) {
  const std::int64_t taps = s.kernel_height * s.kernel_width;
  for (std::int64_t i = 0; i < products(kernel, s); ++i) {
    for (int place = 0; place < kernel.nr; ++place) {
      const int c = channel_at(kernel, place);
      for (int t = 0; t < 4; ++t, ++to) {
        const std::int64_t tap = s.kernel_height == 5 ? tap_of_5x5(i, t) : tap_of_3x3(i, t);
        *to = tap < 0 || c >= channels ? std::int8_t{0} : static_cast<std::int8_t>(w[c * taps + tap] ^ flip);
      }
    }
  }
}

// sums [1 + kernel_width][block]: of all weights, and of each column's (of a 5x5 kernel without its last row).
void sum_columns(const IgemmKernel& kernel, const ConvShape& s, const std::int8_t* w, int channels, int flip,
                 std::int32_t* sums) {
  const std::int64_t taps = s.kernel_height * s.kernel_width;
  for (int place = 0; place < kernel.nr; ++place) {
    const int c = channel_at(kernel, place);
    for (std::int64_t t = 0; t < taps && c < channels; ++t) {
      const int value = static_cast<std::int8_t>(w[c * taps + t] ^ flip);
      sums[place] += value;
      if (by_halves(kernel, s) && t < 20) sums[(1 + t % s.kernel_width) * kernel.nr + place] += value;
    }
  }
}

}  // namespace

std::int64_t depthwise_rows_packed_bytes(const IgemmKernel& kernel, const ConvShape& s) {
  return (s.out_channels + kernel.nr - 1) / kernel.nr * block_bytes(kernel, s);
}

void pack_depthwise_rows(const IgemmKernel& kernel, const ConvShape& s, const void* w, int flip, void* packed) {
  const std::int64_t taps = s.kernel_height * s.kernel_width;
  std::memset(packed, 0, static_cast<std::size_t>(depthwise_rows_packed_bytes(kernel, s)));
  for (std::int64_t n = 0; n < s.out_channels; n += kernel.nr) {
    const IgemmKernel& block = kernel_at(kernel, s, n);
    const int channels = static_cast<int>(std::min<std::int64_t>(block.nr, s.out_channels - n));
    char* to = static_cast<char*>(packed) + n / kernel.nr * block_bytes(kernel, s);
    if (kernel.a_bytes == 4) {
      pack_block(block, s, static_cast<const float*>(w) + n * taps, channels, 0, reinterpret_cast<float*>(to));
      continue;
    }
    const auto* from = static_cast<const std::int8_t*>(w) + n * taps;
    if (by_halves(block, s)) {
      pack_halves(block, s, from, channels, flip, reinterpret_cast<std::int8_t*>(to));
    } else if (kernel.rows->weight_bytes == 2) {
      pack_block(block, s, from, channels, flip, reinterpret_cast<std::int16_t*>(to));
    } else {
      pack_block(block, s, from, channels, flip, reinterpret_cast<std::int8_t*>(to));
    }
    sum_columns(block, s, from, channels, flip, reinterpret_cast<std::int32_t*>(to + sums_offset(block, s)));
  }
}

}  // namespace octet::kernels
