#include "octet/kernels/depthwise_f32/kernels.h"
#include "octet/kernels/igemm/finish_reference.h"

namespace octet::kernels {
namespace {

constexpr int kChannels = 16;

void core(const TileArgs& tile, int rows, void* out) noexcept {
  auto* acc = static_cast<float*>(out);
  const auto* w = static_cast<const float*>(tile.panel);
  for (int m = 0; m < rows; ++m, acc += kChannels) {
    for (int c = 0; c < kChannels; ++c) acc[c] = 0;
    for (std::int64_t t = 0; t < tile.tap_count; ++t) {
      const char* pixel = tile.row(m) + tile.offset + tile.taps[t];
      const auto* a = reinterpret_cast<const float*>(pixel);
      for (int c = 0; c < kChannels; ++c) acc[c] += a[c] * w[t * kChannels + c];
    }
  }
}

void finish(const Epilogue& epilogue, const void* acc, const TileSpan& span) noexcept {
  finish_reference_f32(epilogue, static_cast<const float*>(acc), kChannels, span);
}

}  // namespace

const IgemmKernel depthwise_f32_reference = {.name = "depthwise_f32_1x16_reference",
                                             .isa = Isa::scalar,
                                             .mr = 1,
                                             .nr = kChannels,
                                             .kr = 1,
                                             .a_bytes = 4,
                                             .acc_bytes = 4,
                                             .core = core,
                                             .finish = finish};

}  // namespace octet::kernels
