#include <immintrin.h>

#include "octet/kernels/winograd_f32/kernels.h"
#include "octet/kernels/winograd_f32/transforms.h"

namespace octet::kernels {
namespace {

struct Floats {
  using F32 = __m512;
  static constexpr int kLanes = 16;
  static F32 load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, F32 v) { _mm512_storeu_ps(p, v); }
  static F32 add(F32 a, F32 b) { return _mm512_add_ps(a, b); }
  static F32 sub(F32 a, F32 b) { return _mm512_sub_ps(a, b); }
  static F32 multiply_add(float factor, F32 a, F32 b) { return _mm512_fmadd_ps(_mm512_set1_ps(factor), a, b); }
  static F32 relu(F32 v) { return _mm512_max_ps(_mm512_setzero_ps(), v); }  // NaN stays: the second where either is
};

}  // namespace

const WinogradKernel winograd_avx512 = {.name = "winograd_avx512",
                                        .isa = Isa::avx512,
                                        .input = input<Floats>,
                                        .output = output<Floats>,
                                        .gradient = gradient<Floats>};

}  // namespace octet::kernels
