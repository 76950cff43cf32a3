#include <immintrin.h>

#include "octet/kernels/winograd_f32/kernels.h"
#include "octet/kernels/winograd_f32/transforms.h"

namespace octet::kernels {
namespace {

struct Floats {
  using F32 = __m256;
  static constexpr int kLanes = 8;
  static F32 load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, F32 v) { _mm256_storeu_ps(p, v); }
  static F32 add(F32 a, F32 b) { return _mm256_add_ps(a, b); }
  static F32 sub(F32 a, F32 b) { return _mm256_sub_ps(a, b); }
  static F32 multiply_add(float factor, F32 a, F32 b) { return _mm256_fmadd_ps(_mm256_set1_ps(factor), a, b); }
  static F32 relu(F32 v) { return _mm256_max_ps(_mm256_setzero_ps(), v); }  // NaN stays: the second where either is
};

}  // namespace

const WinogradKernel winograd_avx2 = {.name = "winograd_avx2",
                                      .isa = Isa::avx2,
                                      .input = input<Floats>,
                                      .output = output<Floats>,
                                      .gradient = gradient<Floats>};

}  // namespace octet::kernels
