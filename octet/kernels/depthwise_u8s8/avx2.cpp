#include "octet/kernels/simd/avx2.h"

#include <immintrin.h>

#include "octet/kernels/depthwise_u8s8/core_vector.h"
#include "octet/kernels/depthwise_u8s8/kernels.h"
#include "octet/kernels/igemm/finish_vector.h"

namespace octet::kernels {
namespace {

struct Pairs {
  using Bits = __m256i;
  static constexpr int kLanes = 8;
  static Bits load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static void store(char* p, Bits v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  static Bits low_pairs(Bits a, Bits b) { return _mm256_unpacklo_epi16(a, b); }
  static Bits high_pairs(Bits a, Bits b) { return _mm256_unpackhi_epi16(a, b); }
  static Bits multiply_add(Bits sum, Bits a, Bits w) { return _mm256_add_epi32(sum, _mm256_madd_epi16(a, w)); }
  static void to_parts(Bits a, Bits b, Bits& low, Bits& high) {
    low = _mm256_permute2x128_si256(a, b, 0x20);
    high = _mm256_permute2x128_si256(a, b, 0x31);
  }
  static void from_parts(Bits low, Bits high, Bits& a, Bits& b) { to_parts(low, high, a, b); }
};

}  // namespace

const IgemmKernel depthwise_u8s8_avx2 = {.name = "depthwise_u8s8_4x16_avx2",
                                         .isa = Isa::avx2,
                                         .mr = 4,
                                         .nr = 16,
                                         .kr = 2,
                                         .a_bytes = 2,
                                         .acc_bytes = 4,
                                         .core = depthwise_core<Pairs, 4>,
                                         .finish = finish<Avx2, std::int32_t, 16>};

}  // namespace octet::kernels
