#include <array>
#include <cstring>

#include "octet/kernels/depthwise_f32/depthwise_f32.h"
#include "octet/kernels/depthwise_f32/kernels.h"
#include "octet/kernels/igemm/depthwise.h"
#include "octet/kernels/igemm/select.h"

namespace octet::kernels {
namespace {

constexpr std::array kTable = {&depthwise_f32_avx512[0], &depthwise_f32_avx512[1], &depthwise_f32_avx2[0],
                               &depthwise_f32_avx512[2], &depthwise_f32_avx2[1],   &depthwise_f32_reference};

}  // namespace

std::span<const IgemmKernel* const> depthwise_f32_table() { return kTable; }

const IgemmKernel& select_depthwise_f32(const ConvShape& shape) { return select_depthwise(kTable, shape); }

std::int64_t packed_bytes_depthwise_f32(const IgemmKernel& kernel, const ConvShape& shape) {
  return depthwise_packed_bytes(kernel, shape);
}

void pack_depthwise_f32(const IgemmKernel& kernel, const ConvShape& shape, const float* w, void* packed) {
  if (kernel.rows != nullptr) return pack_depthwise_rows(kernel, shape, w, 0, packed);
  std::memset(packed, 0, static_cast<std::size_t>(depthwise_packed_bytes(kernel, shape)));
  const std::int64_t taps = shape.kernel_height * shape.kernel_width;
  auto* to = static_cast<float*>(packed);
  for (std::int64_t c = 0; c < shape.out_channels; ++c) {
    for (std::int64_t t = 0; t < taps; ++t) to[depthwise_weight_index(kernel, shape, t, c)] = *w++;
  }
}

std::int64_t scratch_bytes_depthwise_f32(const IgemmKernel& kernel, const ConvShape& shape) {
  return depthwise_scratch_bytes(kernel, shape);
}

void depthwise_f32(const IgemmKernel& kernel, const ConvShape& shape, const float* in, const void* packed,
                   const Epilogue& epilogue, void* scratch, ThreadPool& pool) {
  run_depthwise(kernel, shape, in, 0, packed, epilogue, scratch, pool);
}

}  // namespace octet::kernels
