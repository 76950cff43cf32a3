// AVX2: six rows by two vectors of eight columns, 12 of 16 registers for sums.
#include <immintrin.h>

#include "octet/kernels/weight_grad_f32/core.h"
#include "octet/kernels/weight_grad_f32/kernels.h"

namespace octet::kernels {
namespace {

struct Floats {
  using F32 = __m256;
  static constexpr int kLanes = 8;
  static F32 zero() { return _mm256_setzero_ps(); }
  static F32 load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, F32 v) { _mm256_storeu_ps(p, v); }
  static F32 broadcast(const float* p) { return _mm256_broadcast_ss(p); }
  static F32 add(F32 a, F32 b) { return _mm256_add_ps(a, b); }
  static F32 multiply_add(F32 sum, F32 a, F32 b) { return _mm256_fmadd_ps(a, b, sum); }
};

}  // namespace

const WeightGradKernel weight_grad_avx2 = {.name = "weight_grad_6x16_avx2",
                                           .isa = Isa::avx2,
                                           .mr = 6,
                                           .nr = 16,
                                           .core = core<Floats, 6, 2>,
                                           .diagonal = diagonal<Floats>};

}  // namespace octet::kernels
