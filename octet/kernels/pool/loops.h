// The loops of this family in plain C++, compiled once for each instruction set (the compiler makes the
// vectors). Included only by the files of one instruction set and by the reference.
#pragma once

#include "octet/kernels/pool/pool.h"
#include "octet/kernels/pool/window.h"

namespace octet::kernels {
namespace {

struct Columns {
  std::int64_t begin, end;
};

// Runs a block of channels at a time: begin values, `step` for each pixel, `end` for each channel.
template <class Sum, class In, class Out, class Step, class End>
void pool_columns(const PoolShape& s, const WindowRow& line, const In* in, Out* out, std::int64_t row, Columns columns,
                  Sum begin, const Step& step, const End& end) {
  const std::int64_t in_stride = s.in_stride == 0 ? s.channels : s.in_stride;
  const std::int64_t out_stride = s.out_stride == 0 ? s.channels : s.out_stride;
  for (std::int64_t ox = columns.begin; ox < columns.end; ++ox) {
    const Window window(s, line, ox);
    Out* to = out + (row * s.out_width + ox) * out_stride;
    for (std::int64_t c = 0; c < s.channels; c += kChannelBlock) {
      const std::int64_t count = s.channels - c < kChannelBlock ? s.channels - c : kChannelBlock;
      Sum sum[kChannelBlock];
      for (std::int64_t i = 0; i < kChannelBlock; ++i) sum[i] = begin;
      window.each_pixel(s, [&](std::int64_t pixel) {
        const In* from = in + pixel * in_stride + c;
        if (count == kChannelBlock) {
          for (std::int64_t i = 0; i < kChannelBlock; ++i) sum[i] = step(sum[i], from[i]);
        } else {
          for (std::int64_t i = 0; i < count; ++i) sum[i] = step(sum[i], from[i]);
        }
      });
      end(window, sum, to + c, count);
    }
  }
}

template <class Sum, class In, class Out, class Step, class End>
void pool_row(const PoolShape& s, const In* in, Out* out, std::int64_t row, Sum begin, const Step& step,
              const End& end) {
  pool_columns<Sum>(s, WindowRow(s, row), in, out, row, {0, s.out_width}, begin, step, end);
}

constexpr auto kGreater = [](auto a, auto b) { return b > a ? b : a; };
constexpr auto kCopy = [](const Window&, const auto* sum, auto* to, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) to[i] = sum[i];
};

// The greatest bytes of a window inside the image: kCount pixels from `first` on, or taps.count where kCount is 0,
// kSize channels.
template <int kCount, std::int64_t kSize>
inline __attribute__((always_inline)) void max_block(const Taps& taps, const std::uint8_t* first, std::uint8_t* to) {
  using Bytes = std::uint8_t __attribute__((vector_size(kSize)));
  Bytes most = {};
  for (std::int64_t t = 0; t < (kCount == 0 ? taps.count : kCount); ++t) {
    Bytes v;
    __builtin_memcpy(&v, first + taps.at[t], sizeof(v));
    most = v > most ? v : most;
  }
  __builtin_memcpy(to, &most, sizeof(most));
}

// Windows [begin, end) of a row, all inside the image, the first of them at `in`: of 16 channels or more, for the last
// block reaches back over the one before it.
template <int kCount>
void max_inside(const PoolShape& s, const Taps& taps, const std::uint8_t* in, std::int64_t step, std::uint8_t* out,
                std::int64_t out_stride, std::int64_t count) {
  const std::int64_t channels = s.channels;
  for (; count > 0; --count, in += step, out += out_stride) {
    std::int64_t c = 0;
    for (; c + 64 <= channels; c += 64) max_block<kCount, 64>(taps, in + c, out + c);
    for (; c + 16 <= channels; c += 16) max_block<kCount, 16>(taps, in + c, out + c);
    if (c < channels) max_block<kCount, 16>(taps, in + channels - 16, out + channels - 16);
  }
}

void max_u8_loop(const PoolShape& s, const std::uint8_t* in, std::uint8_t* out, std::int64_t row) noexcept {
  const std::int64_t in_stride = s.in_stride == 0 ? s.channels : s.in_stride;
  const std::int64_t out_stride = s.out_stride == 0 ? s.channels : s.out_stride;
  const WindowRow line(s, row);
  const Taps taps(s, in_stride);
  const auto inside = taps.count == 9 ? max_inside<9> : taps.count == 4 ? max_inside<4> : max_inside<0>;
  std::int64_t first = 0, last = 0;  // windows inside the image
  if (s.channels >= 16 && taps.count != 0 && line.y.last - line.y.first == s.kernel_height) {
    const std::int64_t reach = s.in_width - (s.kernel_width - 1) * s.dilation_w - 1 + s.pad_left;
    first = (s.pad_left + s.stride_w - 1) / s.stride_w;
    last = reach < 0 ? 0 : reach / s.stride_w + 1;
    last = last < s.out_width ? last : s.out_width;
  }
  if (first >= last) return pool_columns<std::uint8_t>(s, line, in, out, row, {0, s.out_width}, 0, kGreater, kCopy);
  pool_columns<std::uint8_t>(s, line, in, out, row, {0, first}, 0, kGreater, kCopy);
  const std::int64_t pixel = (line.image * s.in_height + line.start) * s.in_width + first * s.stride_w - s.pad_left;
  inside(s, taps, in + pixel * in_stride, s.stride_w * in_stride, out + (row * s.out_width + first) * out_stride,
         out_stride, last - first);
  pool_columns<std::uint8_t>(s, line, in, out, row, {last, s.out_width}, 0, kGreater, kCopy);
}

void max_f32_loop(const PoolShape& s, const float* in, float* out, std::int64_t row) noexcept {
  pool_row<float>(s, in, out, row, -__builtin_inff(), kGreater, kCopy);
}

void average_u8_loop(const PoolShape& s, const AverageU8& p, const std::uint8_t* in, std::uint8_t* out,
                     std::int64_t row) noexcept {
  const auto low = static_cast<float>(-p.out_zero_point), high = static_cast<float>(255 - p.out_zero_point);
  const auto add = [](std::int32_t sum, std::uint8_t a) { return sum + a; };
  pool_row<std::int32_t>(
      s, in, out, row, 0, add, [&](const Window& w, const std::int32_t* sum, std::uint8_t* to, std::int64_t count) {
        const std::int64_t inside = (w.y.last - w.y.first) * (w.x.last - w.x.first), places = w.y.places * w.x.places;
        const auto zero = static_cast<std::int32_t>(inside * p.in_zero_point);
        const float multiplier = places == 0 ? 0 : p.multiplier / static_cast<float>(places);
        for (std::int64_t i = 0; i < count; ++i) {
          float v = static_cast<float>(sum[i] - zero) * multiplier;
          v = v < high ? v : high;
          v = v > low ? v : low;
          to[i] = static_cast<std::uint8_t>(static_cast<std::int32_t>(__builtin_nearbyintf(v)) + p.out_zero_point);
        }
      });
}

void average_f32_loop(const PoolShape& s, const float* in, float* out, std::int64_t row) noexcept {
  const auto add = [](float sum, float a) { return sum + a; };
  pool_row<float>(s, in, out, row, 0, add, [&](const Window& w, const float* sum, float* to, std::int64_t count) {
    const std::int64_t places = w.y.places * w.x.places;
    const float divisor = places == 0 ? 1 : static_cast<float>(places);
    for (std::int64_t i = 0; i < count; ++i) to[i] = sum[i] / divisor;
  });
}

// The first greatest element of a window gets the slope, Vector of channels by Vector; NaN is greatest.
template <class Vector, class Places>
void max_grad_channels(const PoolShape& s, const Window& window, const float* x, const float* slope, float* dx) {
  Vector most = {};
  Places place = {}, number = {};
  bool first = true;
  window.each_pixel(s, [&](std::int64_t pixel) {
    Vector v;
    __builtin_memcpy(&v, x + pixel * s.channels, sizeof(v));
    const Places wins = first ? ~Places{} : (v > most) | ((v != v) & (most == most));
    most = wins ? v : most;
    place = wins ? number : place;
    first = false;
    number += 1;
  });
  Vector add;
  __builtin_memcpy(&add, slope, sizeof(add));
  number = Places{};
  window.each_pixel(s, [&](std::int64_t pixel) {
    float* to = dx + pixel * s.channels;
    Vector sum;
    __builtin_memcpy(&sum, to, sizeof(sum));
    sum += place == number ? add : Vector{};
    __builtin_memcpy(to, &sum, sizeof(sum));
    number += 1;
  });
}

void max_grad_f32_loop(const PoolShape& s, const float* x, const float* dy, float* dx, std::int64_t row) noexcept {
  using Eight = float __attribute__((vector_size(32)));
  using EightPlaces = std::int32_t __attribute__((vector_size(32)));
  using One = float __attribute__((vector_size(4)));
  using OnePlace = std::int32_t __attribute__((vector_size(4)));
  const WindowRow line(s, row);
  for (std::int64_t ox = 0; ox < s.out_width; ++ox) {
    const Window window(s, line, ox);
    const float* slope = dy + (row * s.out_width + ox) * s.channels;
    std::int64_t c = 0;
    for (; c + 8 <= s.channels; c += 8) max_grad_channels<Eight, EightPlaces>(s, window, x + c, slope + c, dx + c);
    for (; c < s.channels; ++c) max_grad_channels<One, OnePlace>(s, window, x + c, slope + c, dx + c);
  }
}

}  // namespace
}  // namespace octet::kernels
