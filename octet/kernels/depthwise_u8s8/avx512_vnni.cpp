#include <immintrin.h>

#include "octet/kernels/depthwise_u8s8/core_vector.h"
#include "octet/kernels/depthwise_u8s8/kernels.h"
#include "octet/kernels/depthwise_u8s8/pairs_avx512.h"
#include "octet/kernels/igemm/finish_vector.h"
#include "octet/kernels/simd/avx512.h"

namespace octet::kernels {
namespace {

struct Pairs : PairsAvx512 {
  static Bits multiply_add(Bits sum, Bits a, Bits w) { return _mm512_dpwssd_epi32(sum, a, w); }
};

}  // namespace

const IgemmKernel depthwise_u8s8_avx512_vnni = {.name = "depthwise_u8s8_4x32_avx512_vnni",
                                                .isa = Isa::avx512_vnni,
                                                .mr = 4,
                                                .nr = 32,
                                                .kr = 2,
                                                .a_bytes = 2,
                                                .acc_bytes = 4,
                                                .core = depthwise_core<Pairs, 4>,
                                                .finish = finish<Avx512, std::int32_t, 32>};

}  // namespace octet::kernels
