// AVX-512 without VNNI: as AVX2, sixteen columns to a vector.
#include "octet/kernels/simd/avx512.h"

#include <immintrin.h>

#include <cstring>

#include "octet/kernels/igemm/core_vector.h"
#include "octet/kernels/igemm/finish_vector.h"
#include "octet/kernels/igemm_u8s8/kernels.h"

namespace octet::kernels {
namespace {

struct PairsOfS16 {
  using Sum = __m512i;
  using Weights = __m512i;
  static constexpr int kLanes = 16, kWeightBytes = 32;
  static Sum zero() { return _mm512_setzero_si512(); }
  static Sum load_init(const std::int32_t* p) { return _mm512_loadu_si512(p); }
  static Weights load_weights(const char* p) {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static __m512i broadcast(const char* p) {
    std::int32_t pair;
    std::memcpy(&pair, p, 4);
    return _mm512_set1_epi32(pair);
  }
  static Sum multiply_add(Sum sum, __m512i a, Weights w) { return _mm512_add_epi32(sum, _mm512_madd_epi16(a, w)); }
  static void store(char* p, Sum sum) { _mm512_storeu_si512(p, sum); }
};

template <int kRows, int kVectors, int kSteps>
constexpr IgemmKernel tile(const char* name) {
  return {.name = name,
          .isa = Isa::avx512,
          .mr = kRows,
          .nr = kVectors * 16,
          .kr = 2,
          .a_bytes = 2,
          .acc_bytes = 4,
          .core = core<PairsOfS16, kRows, kVectors, kSteps>,
          .finish = finish<Avx512, std::int32_t, kVectors * 16>,
          .row_core = row_core<PairsOfS16, kVectors>};
}

}  // namespace

constinit const IgemmKernel igemm_u8s8_avx512[] = {
    tile<12, 2, 1>("igemm_u8s8_12x32_avx512"), tile<6, 4, 1>("igemm_u8s8_6x64_avx512"),
    tile<8, 3, 1>("igemm_u8s8_8x48_avx512"), tile<24, 1, 1>("igemm_u8s8_24x16_avx512")};

}  // namespace octet::kernels
