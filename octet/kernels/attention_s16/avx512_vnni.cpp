// AVX-512 VNNI: vpdpwssd, in tiles of 12x32.
#include <immintrin.h>

#include "octet/kernels/attention_s16/attend_vector.h"
#include "octet/kernels/attention_s16/lanes_avx512.h"

namespace octet::kernels {
namespace {

struct Products : Lanes512 {
  static S32 multiply_add(S32 sum, S32 a, S32 b) { return _mm512_dpwssd_epi32(sum, a, b); }
};

}  // namespace

const AttentionS16Kernel attention_s16_avx512_vnni = {.name = "attention_s16_avx512_vnni",
                                                      .isa = Isa::avx512_vnni,
                                                      .pack = pack<Products, 2 * kLanes>,
                                                      .attend = attend<Products, 12, 2>};

}  // namespace octet::kernels
