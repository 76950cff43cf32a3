#include "octet/kernels/simd/avx512.h"

#include <immintrin.h>

#include "octet/kernels/depthwise_f32/core_vector.h"
#include "octet/kernels/depthwise_f32/kernels.h"
#include "octet/kernels/igemm/finish_vector.h"

namespace octet::kernels {
namespace {

struct Floats : Avx512 {
  static F32 zero() { return _mm512_setzero_ps(); }
  static F32 multiply_add(F32 sum, F32 a, F32 w) { return _mm512_fmadd_ps(a, w, sum); }
};

}  // namespace

const IgemmKernel depthwise_f32_avx512 = {.name = "depthwise_f32_4x32_avx512",
                                          .isa = Isa::avx512,
                                          .mr = 4,
                                          .nr = 32,
                                          .kr = 1,
                                          .a_bytes = 4,
                                          .acc_bytes = 4,
                                          .core = depthwise_core<Floats, 4>,
                                          .finish = finish<Avx512, float, 32>};

}  // namespace octet::kernels
