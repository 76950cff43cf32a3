// AVX-512 VNNI: vpdpbusd on u8 activations as they are; the driver takes the zero point out of the sums.
#include <immintrin.h>

#include <cstring>

#include "octet/kernels/igemm/core_vector.h"
#include "octet/kernels/igemm/finish_registers.h"
#include "octet/kernels/igemm/finish_vector.h"
#include "octet/kernels/igemm_u8s8/kernels.h"
#include "octet/kernels/simd/avx512.h"

namespace octet::kernels {
namespace {

struct QuadsOfU8 {
  using Sum = __m512i;
  using Weights = __m512i;
  static constexpr int kLanes = 16, kWeightBytes = 64;
  static Sum zero() { return _mm512_setzero_si512(); }
  static Sum load_init(const std::int32_t* p) { return _mm512_loadu_si512(p); }
  static Weights load_weights(const char* p) { return _mm512_loadu_si512(p); }
  static __m512i broadcast(const char* p) {
    std::int32_t quad;
    std::memcpy(&quad, p, 4);
    return _mm512_set1_epi32(quad);
  }
  static Sum multiply_add(Sum sum, __m512i a, Weights w) { return _mm512_dpbusd_epi32(sum, a, w); }
  static void store(char* p, Sum sum) { _mm512_storeu_si512(p, sum); }
};

template <int kRows, int kVectors, int kSteps>
constexpr IgemmKernel tile(const char* name) {
  return {.name = name,
          .isa = Isa::avx512_vnni,
          .mr = kRows,
          .nr = kVectors * 16,
          .kr = 4,
          .a_bytes = 1,
          .acc_bytes = 4,
          .core = core<QuadsOfU8, kRows, kVectors, kSteps>,
          .finish = finish<Avx512, std::int32_t, kVectors * 16>,
          .row_core = row_core<QuadsOfU8, kVectors>,
          .fused = choose_tile_s32<QuadsOfU8, Avx512, kRows, kVectors, kSteps>};
}

}  // namespace

constinit const IgemmKernel igemm_u8s8_avx512_vnni[] = {
    tile<12, 2, 2>("igemm_u8s8_12x32_avx512_vnni"), tile<6, 4, 1>("igemm_u8s8_6x64_avx512_vnni"),
    tile<8, 3, 1>("igemm_u8s8_8x48_avx512_vnni"), tile<24, 1, 2>("igemm_u8s8_24x16_avx512_vnni")};

}  // namespace octet::kernels
