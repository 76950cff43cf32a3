#include <array>
#include <cstring>

#include "octet/kernels/depthwise_u8s8/depthwise_u8s8.h"
#include "octet/kernels/depthwise_u8s8/kernels.h"
#include "octet/kernels/igemm/depthwise.h"
#include "octet/kernels/igemm/select.h"

namespace octet::kernels {
namespace {

constexpr std::array kTable = {&depthwise_u8s8_avx512_vnni[0], &depthwise_u8s8_avx512_vnni[1], &depthwise_u8s8_avx_vnni,
                               &depthwise_u8s8_avx2[0],        &depthwise_u8s8_avx512_vnni[2], &depthwise_u8s8_avx512,
                               &depthwise_u8s8_avx2[1],        &depthwise_u8s8_reference};

}  // namespace

std::span<const IgemmKernel* const> depthwise_u8s8_table() { return kTable; }

const IgemmKernel& select_depthwise_u8s8(const ConvShape& shape) { return select_depthwise(kTable, shape); }

std::int64_t packed_bytes_depthwise_u8s8(const IgemmKernel& kernel, const ConvShape& shape) {
  return depthwise_packed_bytes(kernel, shape);
}

void pack_depthwise_u8s8(const IgemmKernel& kernel, const ConvShape& shape, const void* w,
                         const std::int32_t* w_zero_point, void* packed, int flip) {
  if (kernel.rows != nullptr) return pack_depthwise_rows(kernel, shape, w, flip, packed);
  std::memset(packed, 0, static_cast<std::size_t>(depthwise_packed_bytes(kernel, shape)));
  const std::int64_t taps = shape.kernel_height * shape.kernel_width;
  const auto* from = static_cast<const std::int8_t*>(w);
  auto* to = static_cast<std::int16_t*>(packed);
  for (std::int64_t c = 0; c < shape.out_channels; ++c) {
    const std::int32_t zero_point = w_zero_point == nullptr ? 0 : w_zero_point[c];
    for (std::int64_t t = 0; t < taps; ++t) {
      const auto value = static_cast<std::int8_t>(*from++ ^ flip);
      to[depthwise_weight_index(kernel, shape, t, c)] = static_cast<std::int16_t>(value - zero_point);
    }
  }
}

std::int64_t scratch_bytes_depthwise_u8s8(const IgemmKernel& kernel, const ConvShape& shape) {
  return depthwise_scratch_bytes(kernel, shape);
}

void depthwise_u8s8(const IgemmKernel& kernel, const ConvShape& shape, const std::uint8_t* in, int in_zero_point,
                    const void* packed, const Epilogue& epilogue, void* scratch, ThreadPool& pool) {
  run_depthwise(kernel, shape, in, in_zero_point, packed, epilogue, scratch, pool);
}

}  // namespace octet::kernels
