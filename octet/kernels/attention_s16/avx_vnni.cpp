// AVX-VNNI: vpdpwssd, in tiles of 6x16.
#include <immintrin.h>

#include "octet/kernels/attention_s16/attend_vector.h"
#include "octet/kernels/attention_s16/lanes_avx2.h"

namespace octet::kernels {
namespace {

struct Products : Lanes256 {
  static S32 multiply_add(S32 sum, S32 a, S32 b) {
    return {_mm256_dpwssd_avx_epi32(sum.low, a.low, b.low), _mm256_dpwssd_avx_epi32(sum.high, a.high, b.high)};
  }
};

}  // namespace

const AttentionS16Kernel attention_s16_avx_vnni = {.name = "attention_s16_avx_vnni",
                                                   .isa = Isa::avx_vnni,
                                                   .pack = pack<Products, 1 * kLanes>,
                                                   .attend = attend<Products, 6, 1>};

}  // namespace octet::kernels
