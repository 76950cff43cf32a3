// For the tests of the dense kernels: random tensors, epilogues and shapes, and sums by definition.
#pragma once

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "octet/kernels/igemm/finish_reference.h"
#include "octet/kernels/igemm/igemm.h"

namespace octet::kernels::testing {

class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}
  std::int64_t in(std::int64_t low, std::int64_t high) { return std::uniform_int_distribution(low, high)(engine_); }
  float real(float low, float high) { return std::uniform_real_distribution(low, high)(engine_); }
  bool one_in(int n) { return in(1, n) == 1; }

  template <class T>
  std::vector<T> array(std::int64_t count, float low, float high) {
    std::vector<T> values(static_cast<std::size_t>(count));
    for (T& v : values) {
      if constexpr (std::is_floating_point_v<T>) {
        v = real(low, high);
      } else {
        v = static_cast<T>(in(static_cast<std::int64_t>(low), static_cast<std::int64_t>(high)));
      }
    }
    return values;
  }

 private:
  std::mt19937 engine_;
};

/// A 64-byte aligned block, as arenas give it, with guard bytes behind it that must stay as they are.
class Block {
 public:
  explicit Block(std::int64_t bytes) : bytes_(static_cast<std::size_t>(bytes)), storage_(bytes_ + 64 + kGuard, 0xa5) {}
  void* data() { return storage_.data() + (64 - reinterpret_cast<std::uintptr_t>(storage_.data()) % 64); }
  bool guard_intact() {
    const auto* guard = static_cast<const unsigned char*>(data()) + bytes_;
    for (std::size_t i = 0; i < kGuard - 64; ++i) {
      if (guard[i] != 0xa5) return false;
    }
    return true;
  }

 private:
  static constexpr std::size_t kGuard = 128;
  std::size_t bytes_;
  std::vector<unsigned char> storage_;
};

/// An epilogue with random steps over m rows and n columns, and the arrays behind it.
struct RandomEpilogue {
  Epilogue e;
  std::vector<std::int32_t> bias, weight_zero_point, row_sum;
  std::vector<float> scale, row_scale, bias_f32, curve;
  std::vector<std::uint8_t> residual_bytes, lookup;
  std::vector<float> residual_floats;
  std::vector<unsigned char> out;

  /// sums: whether the sums are s32; spread: about the largest of their magnitudes.
  RandomEpilogue(Random& random, std::int64_t m, std::int64_t n, bool sums, float spread) {
    const std::int64_t pad = random.in(0, 5);
    e.out_stride = n + pad;
    constexpr Cell kCells[] = {Cell::u8, Cell::s8, Cell::f32, Cell::s32};
    e.out_type = kCells[random.in(0, sums ? 3 : 2)];
    out.assign(static_cast<std::size_t>(m * e.out_stride * 4), 0x5c);
    e.out = out.data();
    if (sums) integers(random, m, n, spread);
    if (random.one_in(3)) e.bias_f32 = (bias_f32 = random.array<float>(n, -2, 2)).data();
    if (random.one_in(2)) add_residual(random, m, n);
    e.activation = static_cast<Activation>(random.in(0, 6));
    if (e.activation == Activation::curve) e.curve = (curve = random_curve(random)).data();
    e.alpha = e.activation == Activation::clamp ? -1.5f : random.real(0.1f, 0.2f);
    e.beta = e.activation == Activation::clamp ? 2.0f : 0.5f;
    if (random.one_in(3)) e.after_scale = random.real(-2, 2);
    if (random.one_in(3)) e.after_shift = random.real(-1, 1);
    e.inv_scale = random.real(20, 60) / (sums ? 1 : spread / 3);
    if (sums && random.one_in(2)) {
      for (float& x : scale) x *= e.inv_scale;
      e.inv_scale = 1;
    }
    e.zero_point = static_cast<std::int32_t>(e.out_type == Cell::u8 ? random.in(0, 255) : random.in(-128, 127));
    if (random.one_in(4)) e.lookup = (lookup = random.array<std::uint8_t>(256, 0, 255)).data();
  }

 private:
  // Of some steps of the output, the ends constant and linear.
  static std::vector<float> random_curve(Random& random) {
    std::vector<float> terms = random.array<float>(kCurveTerms * kCurvePieces, -1, 1);
    constexpr std::size_t kTerms = kCurveTerms, kPieces = kCurvePieces;
    for (std::size_t i = 1; i < kTerms; ++i) terms[i * kPieces + 8] = 0;
    for (std::size_t i = 2; i < kTerms; ++i) terms[i * kPieces + 7] = 0;
    return terms;
  }
  void integers(Random& random, std::int64_t m, std::int64_t n, float spread) {
    if (random.one_in(2)) e.bias_s32 = (bias = random.array<std::int32_t>(n, -3000, 3000)).data();
    e.scale = (scale = random.array<float>(n, 1 / spread, 3 / spread)).data();
    if (random.one_in(3)) e.row_scale = (row_scale = random.array<float>(m, 0.5, 2)).data();
    if (random.one_in(3)) e.weight_zero_point = (weight_zero_point = random.array<std::int32_t>(n, -128, 127)).data();
  }
  void add_residual(Random& random, std::int64_t m, std::int64_t n) {
    constexpr Cell kCells[] = {Cell::u8, Cell::s8, Cell::f32};
    e.residual_type = kCells[random.in(0, 2)];
    e.residual_stride = n + random.in(0, 3);
    residual_bytes = random.array<std::uint8_t>(m * e.residual_stride, 0, 255);
    residual_floats = random.array<float>(m * e.residual_stride, -3, 3);
    e.residual =
        e.residual_type == Cell::f32 ? static_cast<const void*>(residual_floats.data()) : residual_bytes.data();
    e.residual_scale = 0.02f;
    e.residual_zero_point =
        static_cast<std::int32_t>(e.residual_type == Cell::u8 ? random.in(0, 255) : random.in(-128, 127));
  }
};

/// Calls visit(b, oy, ox, oc, ky, kx, y, x, c, weight index) for every product of a convolution; c counts
/// all input channels, and y and x may lie outside.
template <class Visit>
void each_product(const ConvShape& s, std::int64_t b, std::int64_t oy, std::int64_t ox, std::int64_t oc,
                  const Visit& visit) {
  const std::int64_t channels = s.in_channels / s.groups, first = oc / (s.out_channels / s.groups) * channels;
  for (std::int64_t ky = 0; ky < s.kernel_height; ++ky) {
    for (std::int64_t kx = 0; kx < s.kernel_width; ++kx) {
      const std::int64_t y = oy * s.stride_h + ky * s.dilation_h - s.pad_top;
      const std::int64_t x = ox * s.stride_w + kx * s.dilation_w - s.pad_left;
      if (y < 0 || x < 0 || y >= s.in_height || x >= s.in_width) continue;
      for (std::int64_t c = 0; c < channels; ++c) {
        const std::int64_t in_stride = s.in_stride == 0 ? s.in_channels : s.in_stride;
        visit(((b * s.in_height + y) * s.in_width + x) * in_stride + first + c,
              ((oc * channels + c) * s.kernel_height + ky) * s.kernel_width + kx);
      }
    }
  }
}

/// A convolution of a random, small and sometimes odd shape.
inline ConvShape random_conv(Random& random) {
  ConvShape s;
  s.batch = random.in(1, 2);
  s.groups = random.one_in(3) ? random.in(1, 3) : 1;
  s.in_channels = s.groups * random.in(1, random.one_in(2) ? 4 : 40);
  s.out_channels = s.groups * random.in(1, random.one_in(3) ? 100 : 20);
  s.kernel_height = random.in(1, 4);
  s.kernel_width = random.in(1, 4);
  if (random.one_in(3)) s.kernel_height = s.kernel_width = 1;
  s.stride_h = random.in(1, 3);
  s.stride_w = random.in(1, 3);
  s.dilation_h = random.in(1, 2);
  s.dilation_w = random.in(1, 2);
  s.pad_top = random.one_in(2) ? 0 : random.in(0, 3);
  s.pad_left = random.one_in(2) ? 0 : random.in(0, 3);
  s.in_height = random.in(1, 9);
  s.in_width = random.in(1, 14);
  s.out_height = random.in(1, 7);
  s.out_width = random.in(1, 9);
  if (random.one_in(2)) {  // nothing outside of the image: the input is read in place
    s.pad_top = s.pad_left = 0;
    s.in_height = (s.out_height - 1) * s.stride_h + (s.kernel_height - 1) * s.dilation_h + 1 + random.in(0, 2);
    s.in_width = (s.out_width - 1) * s.stride_w + (s.kernel_width - 1) * s.dilation_w + 1 + random.in(0, 2);
  }
  if (random.one_in(4)) s.in_stride = s.in_channels + random.in(1, 5);
  return s;
}

/// A padded convolution whose taps outside of the image may be left out: of few pixels, so that many have some.
inline ConvShape random_padded_conv(Random& random) {
  ConvShape s{.batch = random.in(1, 3), .in_height = random.in(1, 12), .in_width = random.in(1, 12)};
  s.in_channels = 4 * random.in(1, 6);
  s.out_channels = random.in(1, random.one_in(3) ? 100 : 40);
  s.kernel_height = random.in(1, random.one_in(3) ? 7 : 3);
  s.kernel_width = random.in(1, random.one_in(3) ? 7 : 3);
  s.stride_h = random.in(1, 2);
  s.stride_w = random.in(1, 2);
  s.dilation_h = random.in(1, 2);
  s.pad_top = random.in(0, s.kernel_height);
  s.pad_left = random.in(0, s.kernel_width);
  s.out_height = random.in(1, 14);
  s.out_width = random.in(1, 14);
  return s;
}

/// A batch of products; A, B and C dense but for a gap after each row, some matrices shared.
inline GemmShape random_gemm(Random& random) {
  GemmShape s;
  s.m = random.in(1, random.one_in(2) ? 5 : 70);
  s.n = random.in(1, random.one_in(2) ? 20 : 150);
  s.k = random.in(1, random.one_in(2) ? 9 : 200);
  s.lda = s.k + random.in(0, 4);
  const bool transposed = random.one_in(2);
  s.b_k_stride = transposed ? 1 : s.n;
  s.b_n_stride = transposed ? s.k : 1;
  return s;
}

inline std::string describe(const ConvShape& s) {
  std::string text;
  for (const std::int64_t v : {s.batch, s.in_height, s.in_width, s.in_channels, s.out_height, s.out_width,
                               s.out_channels, s.kernel_height, s.kernel_width, s.stride_h, s.stride_w, s.dilation_h,
                               s.dilation_w, s.pad_top, s.pad_left, s.groups, s.in_stride}) {
    text += std::to_string(v) + " ";
  }
  return "conv b ih iw ic oh ow oc kh kw sh sw dh dw pt pl g stride: " + text;
}

inline std::string describe(const GemmShape& s) {
  return "gemm m n k: " + std::to_string(s.m) + " " + std::to_string(s.n) + " " + std::to_string(s.k);
}

/// How many different output bytes there are: a test whose answers are all alike shows little.
inline std::size_t variety(const std::vector<unsigned char>& bytes) {
  bool seen[256] = {};
  for (const unsigned char b : bytes) seen[b] = true;
  std::size_t count = 0;
  for (const bool s : seen) count += s;
  return count;
}

}  // namespace octet::kernels::testing
