// AVX-VNNI: vpdpbusd on u8 activations as they are; the driver takes the zero point out of the sums.
#include <immintrin.h>

#include <cstring>

#include "octet/kernels/igemm/core_vector.h"
#include "octet/kernels/igemm/finish_vector.h"
#include "octet/kernels/igemm_u8s8/kernels.h"
#include "octet/kernels/simd/avx2.h"

namespace octet::kernels {
namespace {

struct QuadsOfU8 {
  using Sum = __m256i;
  using Weights = __m256i;
  static constexpr int kLanes = 8, kWeightBytes = 32;
  static Sum zero() { return _mm256_setzero_si256(); }
  static Sum load_init(const std::int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static Weights load_weights(const char* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static __m256i broadcast(const char* p) {
    std::int32_t quad;
    std::memcpy(&quad, p, 4);
    return _mm256_set1_epi32(quad);
  }
  static Sum multiply_add(Sum sum, __m256i a, Weights w) { return _mm256_dpbusd_avx_epi32(sum, a, w); }
  static void store(char* p, Sum sum) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), sum); }
};

}  // namespace

const IgemmKernel igemm_u8s8_avx_vnni = {.name = "igemm_u8s8_6x16_avx_vnni",
                                         .isa = Isa::avx_vnni,
                                         .mr = 6,
                                         .nr = 16,
                                         .kr = 4,
                                         .a_bytes = 1,
                                         .acc_bytes = 4,
                                         .core = core<QuadsOfU8, 6, 2>,
                                         .finish = finish<Avx2, std::int32_t, 16>,
                                         .row_core = row_core<QuadsOfU8, 2>};

}  // namespace octet::kernels
