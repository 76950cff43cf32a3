// AVX2, two ways. Wide: activations widened to s16 once a layer, weights widened as they are loaded, vpmaddwd: nothing
// can saturate, whatever the weights. Narrow: vpmaddubsw, for constant weights that packing makes fit.
#include "octet/kernels/simd/avx2.h"

#include <immintrin.h>

#include <cstring>

#include "octet/kernels/igemm/core_vector.h"
#include "octet/kernels/igemm/finish_vector.h"
#include "octet/kernels/igemm_u8s8/kernels.h"
#include "octet/kernels/igemm_u8s8/narrow_avx2.h"

namespace octet::kernels {
namespace {

struct PairsOfS16 {
  using Sum = __m256i;
  using Weights = __m256i;
  static constexpr int kLanes = 8, kWeightBytes = 16;
  static Sum zero() { return _mm256_setzero_si256(); }
  static Sum load_init(const std::int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static Weights load_weights(const char* p) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static __m256i broadcast(const char* p) {
    std::int32_t pair;
    std::memcpy(&pair, p, 4);
    return _mm256_set1_epi32(pair);
  }
  static Sum multiply_add(Sum sum, __m256i a, Weights w) { return _mm256_add_epi32(sum, _mm256_madd_epi16(a, w)); }
  static void store(char* p, Sum sum) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), sum); }
};

constexpr NarrowKernel kNarrow = {.spread = spread, .correct = correct};

}  // namespace

const IgemmKernel igemm_u8s8_avx2_narrow = {.name = "igemm_u8s8_4x16_avx2_narrow",
                                            .isa = Isa::avx2,
                                            .mr = kNarrowRows,
                                            .nr = 16,
                                            .kr = 4,
                                            .a_bytes = 1,
                                            .acc_bytes = 4,
                                            .core = narrow_core,
                                            .finish = finish<Avx2, std::int32_t, 16>,
                                            .narrow = &kNarrow};

const IgemmKernel igemm_u8s8_avx2 = {.name = "igemm_u8s8_6x16_avx2_wide",
                                     .isa = Isa::avx2,
                                     .mr = 6,
                                     .nr = 16,
                                     .kr = 2,
                                     .a_bytes = 2,
                                     .acc_bytes = 4,
                                     .core = core<PairsOfS16, 6, 2>,
                                     .finish = finish<Avx2, std::int32_t, 16>,
                                     .row_core = row_core<PairsOfS16, 2>};

}  // namespace octet::kernels
