// AVX-512 VNNI: vpdpbusd, in tiles of 12x32.
#include <immintrin.h>

#include "octet/kernels/attention_s8/attend_vector.h"
#include "octet/kernels/attention_s8/lanes_avx512.h"

namespace octet::kernels {
namespace {

struct Products : Bytes<Lanes512> {
  static S32 multiply_add(S32 sum, S32 a, S32 b) { return _mm512_dpbusd_epi32(sum, a, b); }
};

}  // namespace

const AttentionS8Kernel attention_s8_avx512_vnni = {.name = "attention_s8_avx512_vnni",
                                                    .isa = Isa::avx512_vnni,
                                                    .pack = pack<Products, 2 * kLanes>,
                                                    .attend = attend<Products, 12, 2>};

}  // namespace octet::kernels
