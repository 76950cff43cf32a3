#include "octet/kernels/igemm/finish_reference.h"
#include "octet/kernels/igemm_u8s8/kernels.h"

namespace octet::kernels {
namespace {

constexpr int kRows = 4, kColumns = 16, kPair = 2;

template <class Sum>
void core(const TileArgs& tile, int rows, void* out) noexcept {
  Sum* acc = static_cast<Sum*>(out);
  for (int i = 0; i < rows * kColumns; ++i) acc[i] = tile.init[i % kColumns];
  const auto* w = static_cast<const std::int8_t*>(tile.panel);
  for (std::int64_t t = 0; t < tile.tap_count; ++t) {
    for (std::int64_t step = 0; step < tile.k_steps; ++step, w += kColumns * kPair) {
      for (int m = 0; m < rows; ++m) {
        const char* row = tile.row(m) + tile.taps[t];
        const auto* a = reinterpret_cast<const std::int16_t*>(row) + step * kPair;
        for (int n = 0; n < kColumns; ++n) acc[m * kColumns + n] += a[0] * w[n * kPair] + a[1] * w[n * kPair + 1];
      }
    }
    w += tile.panel_skip;
  }
}

void finish(const Epilogue& epilogue, const void* acc, const TileSpan& span) noexcept {
  finish_reference_s32(epilogue, static_cast<const std::int32_t*>(acc), kColumns, span);
}

void finish_wide(const Epilogue& epilogue, const void* acc, const TileSpan& span) noexcept {
  finish_reference_s64(epilogue, static_cast<const std::int64_t*>(acc), kColumns, span);
}

}  // namespace

const IgemmKernel igemm_u8s8_reference = {.name = "igemm_u8s8_4x16_reference",
                                          .isa = Isa::scalar,
                                          .mr = kRows,
                                          .nr = kColumns,
                                          .kr = kPair,
                                          .a_bytes = 2,
                                          .acc_bytes = 4,
                                          .core = core<std::int32_t>,
                                          .finish = finish};
const IgemmKernel igemm_u8s8_reference_wide = {.name = "igemm_u8s8_4x16_reference_wide",
                                               .isa = Isa::scalar,
                                               .mr = kRows,
                                               .nr = kColumns,
                                               .kr = kPair,
                                               .a_bytes = 2,
                                               .acc_bytes = 8,
                                               .core = core<std::int64_t>,
                                               .finish = finish_wide};

}  // namespace octet::kernels
