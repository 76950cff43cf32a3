#include "octet/kernels/simd/avx2.h"

#include <immintrin.h>

#include "octet/kernels/depthwise_f32/core_vector.h"
#include "octet/kernels/depthwise_f32/kernels.h"
#include "octet/kernels/igemm/finish_vector.h"

namespace octet::kernels {
namespace {

struct Floats : Avx2 {
  static F32 zero() { return _mm256_setzero_ps(); }
  static F32 multiply_add(F32 sum, F32 a, F32 w) { return _mm256_fmadd_ps(a, w, sum); }
};

}  // namespace

const IgemmKernel depthwise_f32_avx2 = {.name = "depthwise_f32_4x16_avx2",
                                        .isa = Isa::avx2,
                                        .mr = 4,
                                        .nr = 16,
                                        .kr = 1,
                                        .a_bytes = 4,
                                        .acc_bytes = 4,
                                        .core = depthwise_core<Floats, 4>,
                                        .finish = finish<Avx2, float, 16>};

}  // namespace octet::kernels
