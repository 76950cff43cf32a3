#include "octet/kernels/igemm/finish_reference.h"
#include "octet/kernels/igemm_f32/kernels.h"

namespace octet::kernels {
namespace {

constexpr int kRows = 4, kColumns = 16;

void core(const TileArgs& tile, int rows, void* out) noexcept {
  float* acc = static_cast<float*>(out);
  for (int i = 0; i < rows * kColumns; ++i) acc[i] = 0;
  const auto* w = static_cast<const float*>(tile.panel);
  for (std::int64_t t = 0; t < tile.tap_count; ++t) {
    for (std::int64_t k = 0; k < tile.k_steps; ++k, w += kColumns) {
      for (int m = 0; m < rows; ++m) {
        const char* row = tile.row(m) + tile.taps[t];
        const float a = reinterpret_cast<const float*>(row)[k];
        for (int n = 0; n < kColumns; ++n) acc[m * kColumns + n] += a * w[n];
      }
    }
    w += tile.panel_skip / std::int64_t{sizeof(float)};
  }
}

void finish(const Epilogue& epilogue, const void* acc, const TileSpan& span) noexcept {
  finish_reference_f32(epilogue, static_cast<const float*>(acc), kColumns, span);
}

}  // namespace

const IgemmKernel igemm_f32_reference = {.name = "igemm_f32_4x16_reference",
                                         .isa = Isa::scalar,
                                         .mr = kRows,
                                         .nr = kColumns,
                                         .kr = 1,
                                         .a_bytes = 4,
                                         .acc_bytes = 4,
                                         .core = core,
                                         .finish = finish};

}  // namespace octet::kernels
