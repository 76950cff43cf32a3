#include "octet/kernels/simd/avx512.h"

#include <immintrin.h>

#include "octet/kernels/depthwise_u8s8/core_vector.h"
#include "octet/kernels/depthwise_u8s8/kernels.h"
#include "octet/kernels/depthwise_u8s8/pairs_avx512.h"
#include "octet/kernels/igemm/finish_vector.h"

namespace octet::kernels {
namespace {

struct Pairs : PairsAvx512 {
  static Bits multiply_add(Bits sum, Bits a, Bits w) { return _mm512_add_epi32(sum, _mm512_madd_epi16(a, w)); }
};

}  // namespace

const IgemmKernel depthwise_u8s8_avx512 = {.name = "depthwise_u8s8_4x32_avx512",
                                           .isa = Isa::avx512,
                                           .mr = 4,
                                           .nr = 32,
                                           .kr = 2,
                                           .a_bytes = 2,
                                           .acc_bytes = 4,
                                           .core = depthwise_core<Pairs, 4>,
                                           .finish = finish<Avx512, std::int32_t, 32>};

}  // namespace octet::kernels
