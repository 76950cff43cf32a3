// Convolution of any rank: the shape rule and the loop that Conv, ConvInteger and QLinearConv share.
#pragma once

#include "octet/ops/multiply.h"
#include "octet/ops/window.h"

namespace octet {
class GradientContext;
}

namespace octet::ops {

/// The gradient rule of Conv (conv_gradient.cpp).
void gradient_of_conv(GradientContext& ctx);

struct ConvShape {
  Window window;
  std::int64_t group = 1;
  std::int64_t channels = -1;  ///< C; -1 when not known
  SymbolicShape output;        ///< [N, M, output spatial ...]
};

/// x [N, C, D1, ...], w [M, C / group, k1, ...] -> [N, M, O1, ...].
/// Throws bad_input: ranks that differ, group below 1, channels that group does not divide, weights for another
/// number of channels, and all that read_window and slide refuse.
ConvShape conv_shape(const Attributes& attributes, const SymbolicShape& x, const SymbolicShape& w);

/// Throws bad_input unless the bias is [channels].
void check_bias(const SymbolicShape& bias, const Dim& channels);

/// y[n, c, ...] += bias[c] over planes of that many elements.
template <class T>
void add_bias(const T* bias, std::int64_t batch, std::int64_t channels, std::int64_t plane, T* y) {
  for (std::int64_t i = 0; i < batch * channels; ++i) {
    const T b = bias[i % channels];
    for (std::int64_t j = 0; j < plane; ++j) y[i * plane + j] += b;
  }
}

/// Gathers the patches that the window reads: element (c * taps + tap, position) of one batch and group is
/// x[c, offset of tap at position] - zero, and 0 in the padding.
template <class T, class In, class Offsets>
struct PatchPacker {
  const Offsets& tap_offsets_at;  ///< (position, std::int64_t* offsets, step)
  const In* x;
  T zero;
  std::int64_t channels, taps, plane;
  std::vector<std::int64_t> offsets = {};
  std::vector<bool> runs = {};  ///< taps whose 8 elements lie side by side
  std::int64_t width = 0;

  void columns(std::int64_t n0, std::int64_t count) {
    width = count;
    offsets.resize(static_cast<std::size_t>(taps * kPanel));
    runs.assign(static_cast<std::size_t>(taps), count == kPanel);
    for (std::int64_t j = 0; j < count; ++j) tap_offsets_at(n0 + j, offsets.data() + j, kPanel);
    for (std::int64_t t = 0; t < taps; ++t) {
      const std::int64_t* at = offsets.data() + t * kPanel;
      bool run = count == kPanel && at[0] >= 0;
      for (std::int64_t j = 1; run && j < kPanel; ++j) run = at[j] == at[0] + j;
      runs[static_cast<std::size_t>(t)] = run;
    }
  }

  /// b counts batch * group; each has `channels` planes.
  void pack(std::int64_t b, T* panel) const {
    const In* from = x + b * channels * plane;
    for (std::int64_t c = 0; c < channels; ++c, from += plane) {
      for (std::int64_t t = 0; t < taps; ++t, panel += kPanel) {
        const std::int64_t* at = offsets.data() + t * kPanel;
        if (runs[static_cast<std::size_t>(t)]) {
          for (std::int64_t j = 0; j < kPanel; ++j) panel[j] = static_cast<T>(from[at[0] + j]) - zero;
        } else {
          for (std::int64_t j = 0; j < width; ++j) panel[j] = at[j] < 0 ? T{0} : static_cast<T>(from[at[j]]) - zero;
        }
      }
    }
  }
};

/// y[n, m, o] = sum over c, tap of w[m, c, tap] * (x[n, c, o at tap] - x_zero), the padding being x_zero.
///   T   float, double, or uint32_t / uint64_t holding two's complement (then x is an integer type)
template <class T, class In>
void convolve(ThreadPool& threads, const ConvShape& shape, const In* x, T x_zero, const T* w, T* y) {
  const Window& window = shape.window;
  const std::int64_t n = shape.output[0].value, m = shape.output[1].value / shape.group, group = shape.group;
  const std::int64_t taps = window.taps(), positions = window.positions();
  const std::int64_t channels = shape.channels / group;
  const auto offsets = [&](std::int64_t position, std::int64_t* to, std::int64_t step) {
    tap_offsets(window, position, to, step);
  };
  const auto make_packer = [&] {
    return PatchPacker<T, In, decltype(offsets)>{offsets, x, x_zero, channels, taps, window.input_elements()};
  };
  multiply<T>(
      threads, {n * group, m, positions, channels * taps},
      [&](std::int64_t b) { return w + b % group * m * channels * taps; }, make_packer,
      [&](std::int64_t b) { return y + b * m * positions; });
}

}  // namespace octet::ops
