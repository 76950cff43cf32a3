#include "octet/kernels/depthwise_u8s8/kernels.h"
#include "octet/kernels/igemm/finish_reference.h"

namespace octet::kernels {
namespace {

constexpr int kChannels = 16;

// Even groups of four channels come first in packed weights.
int place(int c) noexcept { return c / 4 % 2 * (kChannels / 2) + c / 8 * 4 + c % 4; }

void core(const TileArgs& tile, int rows, void* out) noexcept {
  auto* acc = static_cast<std::int32_t*>(out);
  const auto* w = static_cast<const std::int16_t*>(tile.panel);
  for (int m = 0; m < rows; ++m, acc += kChannels) {
    for (int c = 0; c < kChannels; ++c) acc[c] = tile.init[c];
    for (std::int64_t t = 0; t < tile.tap_count; ++t) {
      const char* pixel = tile.row(m) + tile.offset + tile.taps[t];
      const auto* a = reinterpret_cast<const std::int16_t*>(pixel);
      for (int c = 0; c < kChannels; ++c) acc[c] += a[c] * w[(t / 2 * kChannels + place(c)) * 2 + t % 2];
    }
  }
}

void finish(const Epilogue& epilogue, const void* acc, const TileSpan& span) noexcept {
  finish_reference_s32(epilogue, static_cast<const std::int32_t*>(acc), kChannels, span);
}

}  // namespace

const IgemmKernel depthwise_u8s8_reference = {.name = "depthwise_u8s8_1x16_reference",
                                              .isa = Isa::scalar,
                                              .mr = 1,
                                              .nr = kChannels,
                                              .kr = 2,
                                              .a_bytes = 2,
                                              .acc_bytes = 4,
                                              .core = core,
                                              .finish = finish};

}  // namespace octet::kernels
