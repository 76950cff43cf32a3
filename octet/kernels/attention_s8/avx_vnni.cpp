// AVX-VNNI: vpdpbusd, in tiles of 6x16.
#include <immintrin.h>

#include "octet/kernels/attention_s8/attend_vector.h"
#include "octet/kernels/attention_s8/lanes_avx2.h"

namespace octet::kernels {
namespace {

struct Products : Bytes<Lanes256> {
  static S32 multiply_add(S32 sum, S32 a, S32 b) {
    return {_mm256_dpbusd_avx_epi32(sum.low, a.low, b.low), _mm256_dpbusd_avx_epi32(sum.high, a.high, b.high)};
  }
};

}  // namespace

const AttentionS8Kernel attention_s8_avx_vnni = {.name = "attention_s8_avx_vnni",
                                                 .isa = Isa::avx_vnni,
                                                 .pack = pack<Products, 1 * kLanes>,
                                                 .attend = attend<Products, 6, 1>};

}  // namespace octet::kernels
