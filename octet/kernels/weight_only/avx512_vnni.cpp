// AVX-512 VNNI: vpdpbusd of the weights with each digit of x, sixteen columns a register.
#include <immintrin.h>

#include "octet/kernels/simd/avx512.h"
#include "octet/kernels/weight_only/core.h"
#include "octet/kernels/weight_only/kernels.h"

namespace octet::kernels {
namespace {

struct Quads : Avx512 {
  using Avx512::add;
  struct Sum {
    __m512i high, low;  // of the digits
  };
  using Weights = __m512i;
  static Sum zero() { return {_mm512_setzero_si512(), _mm512_setzero_si512()}; }
  static Weights load_weights(const char* p) { return _mm512_loadu_si512(p); }
  static void load_nibbles(const char* p, Weights& first, Weights& last) {
    const __m512i both = _mm512_loadu_si512(p), nibble = _mm512_set1_epi8(15);
    first = _mm512_and_si512(both, nibble);
    last = _mm512_and_si512(_mm512_srli_epi16(both, 4), nibble);
  }
  static __m512i broadcast(const char* p) {
    std::int32_t four;
    __builtin_memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
  }
  static void multiply_add(Sum& sum, Weights w, const char* digits) {
    sum.high = _mm512_dpbusd_epi32(sum.high, w, broadcast(digits));
    sum.low = _mm512_dpbusd_epi32(sum.low, w, broadcast(digits + 4));
  }
  static void add(Sum& to, const Sum& from) {
    to.high = _mm512_add_epi32(to.high, from.high);
    to.low = _mm512_add_epi32(to.low, from.low);
  }
  static S32 total(const Sum& sum) { return _mm512_add_epi32(_mm512_slli_epi32(sum.high, 8), sum.low); }
  static F32 multiply_add(F32 a, F32 b, F32 sum) { return _mm512_fmadd_ps(a, b, sum); }
};

}  // namespace

const WeightOnlyKernel weight_only_avx512_vnni = {.name = "weight_only_6x32_avx512_vnni",
                                                  .isa = Isa::avx512_vnni,
                                                  .split = split<Digits::bytes>,
                                                  .core8 = core<Quads, Tile<8, 6, 2, 2, 2>>,
                                                  .core4 = core<Quads, Tile<4, 6, 2, 2, 2>>};

}  // namespace octet::kernels
