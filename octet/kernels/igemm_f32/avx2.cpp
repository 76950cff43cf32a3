// AVX2 with FMA: twelve sums of eight columns, enough to hide the latency of two FMA units.
#include "octet/kernels/simd/avx2.h"

#include <immintrin.h>

#include "octet/kernels/igemm/core_vector.h"
#include "octet/kernels/igemm/finish_vector.h"
#include "octet/kernels/igemm_f32/kernels.h"

namespace octet::kernels {
namespace {

struct Floats {
  using Sum = __m256;
  using Weights = __m256;
  static constexpr int kLanes = 8, kWeightBytes = 32;
  static Sum zero() { return _mm256_setzero_ps(); }
  static Sum load_init(const std::int32_t*) { return zero(); }
  static Weights load_weights(const char* p) { return _mm256_loadu_ps(reinterpret_cast<const float*>(p)); }
  static __m256 broadcast(const char* p) { return _mm256_broadcast_ss(reinterpret_cast<const float*>(p)); }
  static Sum multiply_add(Sum sum, __m256 a, Weights w) { return _mm256_fmadd_ps(a, w, sum); }
  static void store(char* p, Sum sum) { _mm256_storeu_ps(reinterpret_cast<float*>(p), sum); }
};

}  // namespace

const IgemmKernel igemm_f32_avx2 = {.name = "igemm_f32_6x16_avx2",
                                    .isa = Isa::avx2,
                                    .mr = 6,
                                    .nr = 16,
                                    .kr = 1,
                                    .a_bytes = 4,
                                    .acc_bytes = 4,
                                    .core = core<Floats, 6, 2>,
                                    .finish = finish<Avx2, float, 16>,
                                    .row_core = row_core<Floats, 2>};

}  // namespace octet::kernels
