#include <immintrin.h>

#include "octet/kernels/depthwise_u8s8/kernels.h"
#include "octet/kernels/depthwise_u8s8/quads.h"
#include "octet/kernels/igemm/depthwise_rows_vector.h"
#include "octet/kernels/igemm/finish_vector.h"
#include "octet/kernels/simd/avx2.h"

namespace octet::kernels {
namespace {

struct Whole : HalfQuads {
  static constexpr int kRegisters = 16;
  struct Mask {
    explicit Mask(int) {}
  };
  static Bits load_bytes(const char* p, const Mask&) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static Sum multiply_add(Sum sum, Bits a, Bits w) { return _mm256_dpbusd_avx_epi32(sum, a, w); }
  static void store_block(std::uint8_t* p, Bits v, const Mask&) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v);
  }
};

constexpr ChannelOrder<4, 2, 16> kOrder;
constexpr DepthwiseRows kRows = depthwise_rows_s32<Quads<Whole>>(kOrder.at, true);

}  // namespace

constinit const IgemmKernel depthwise_u8s8_avx_vnni = {.name = "depthwise_u8s8_rows32_avx_vnni",
                                                       .isa = Isa::avx_vnni,
                                                       .mr = 1,
                                                       .nr = 32,
                                                       .kr = 4,
                                                       .a_bytes = 1,
                                                       .acc_bytes = 4,
                                                       .core = nullptr,
                                                       .finish = finish<Avx2, std::int32_t, 32>,
                                                       .rows = &kRows};

}  // namespace octet::kernels
