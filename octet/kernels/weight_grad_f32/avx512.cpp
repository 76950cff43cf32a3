// AVX-512: twelve rows by two vectors of sixteen columns, 24 of 32 registers for sums.
#include <immintrin.h>

#include "octet/kernels/weight_grad_f32/core.h"
#include "octet/kernels/weight_grad_f32/kernels.h"

namespace octet::kernels {
namespace {

struct Floats {
  using F32 = __m512;
  static constexpr int kLanes = 16;
  static F32 zero() { return _mm512_setzero_ps(); }
  static F32 load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, F32 v) { _mm512_storeu_ps(p, v); }
  static F32 broadcast(const float* p) { return _mm512_set1_ps(*p); }
  static F32 add(F32 a, F32 b) { return _mm512_add_ps(a, b); }
  static F32 multiply_add(F32 sum, F32 a, F32 b) { return _mm512_fmadd_ps(a, b, sum); }
};

}  // namespace

const WeightGradKernel weight_grad_avx512 = {.name = "weight_grad_12x32_avx512",
                                             .isa = Isa::avx512,
                                             .mr = 12,
                                             .nr = 32,
                                             .core = core<Floats, 12, 2>,
                                             .diagonal = diagonal<Floats>};

}  // namespace octet::kernels
