// AVX-512: a panel's 64 columns are four vectors.
#include <immintrin.h>

#include "octet/kernels/weight_only/core.h"
#include "octet/kernels/weight_only/kernels.h"

namespace octet::kernels {
namespace {

struct Floats {
  using F32 = __m512;
  static constexpr int kLanes = 16;
  static F32 zero() { return _mm512_setzero_ps(); }
  static void store(float* p, F32 v) { _mm512_storeu_ps(p, v); }
  static F32 broadcast(const float* p) { return _mm512_set1_ps(*p); }
  static F32 load_bytes(const std::int8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  static F32 multiply_add(F32 sum, F32 a, F32 b) { return _mm512_fmadd_ps(a, b, sum); }
};

}  // namespace

const WeightOnlyKernel weight_only_avx512 = {
    .name = "weight_only_4x64_avx512", .isa = Isa::avx512, .core = core<Floats, 4, 4, 4>};

}  // namespace octet::kernels
