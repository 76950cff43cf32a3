// AVX2: a row alone takes all 64 columns, four rows 16 at a time.
#include <immintrin.h>

#include "octet/kernels/weight_only/core.h"
#include "octet/kernels/weight_only/kernels.h"

namespace octet::kernels {
namespace {

struct Floats {
  using F32 = __m256;
  static constexpr int kLanes = 8;
  static F32 zero() { return _mm256_setzero_ps(); }
  static void store(float* p, F32 v) { _mm256_storeu_ps(p, v); }
  static F32 broadcast(const float* p) { return _mm256_broadcast_ss(p); }
  static F32 load_bytes(const std::int8_t* p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
  }
  static F32 multiply_add(F32 sum, F32 a, F32 b) { return _mm256_fmadd_ps(a, b, sum); }
};

}  // namespace

const WeightOnlyKernel weight_only_avx2 = {
    .name = "weight_only_4x16_avx2", .isa = Isa::avx2, .core = core<Floats, 4, 2, 8>};

}  // namespace octet::kernels
