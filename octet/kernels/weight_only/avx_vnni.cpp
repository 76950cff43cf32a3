// AVX-VNNI: vpdpbusd of the weights with each digit of x, eight columns a register.
#include <immintrin.h>

#include "octet/kernels/simd/avx2.h"
#include "octet/kernels/weight_only/core.h"
#include "octet/kernels/weight_only/kernels.h"

namespace octet::kernels {
namespace {

struct Quads : Avx2 {
  using Avx2::add;
  struct Sum {
    __m256i high, low;  // of the digits
  };
  using Weights = __m256i;
  static Sum zero() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static Weights load_weights(const char* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static void load_nibbles(const char* p, Weights& first, Weights& last) {
    const __m256i both = load_weights(p), nibble = _mm256_set1_epi8(15);
    first = _mm256_and_si256(both, nibble);
    last = _mm256_and_si256(_mm256_srli_epi16(both, 4), nibble);
  }
  static __m256i broadcast(const char* p) {
    std::int32_t four;
    __builtin_memcpy(&four, p, sizeof four);
    return _mm256_set1_epi32(four);
  }
  static void multiply_add(Sum& sum, Weights w, const char* digits) {
    sum.high = _mm256_dpbusd_avx_epi32(sum.high, w, broadcast(digits));
    sum.low = _mm256_dpbusd_avx_epi32(sum.low, w, broadcast(digits + 4));
  }
  static void add(Sum& to, const Sum& from) {
    to.high = _mm256_add_epi32(to.high, from.high);
    to.low = _mm256_add_epi32(to.low, from.low);
  }
  static S32 total(const Sum& sum) { return _mm256_add_epi32(_mm256_slli_epi32(sum.high, 8), sum.low); }
  static F32 multiply_add(F32 a, F32 b, F32 sum) { return _mm256_fmadd_ps(a, b, sum); }
};

}  // namespace

const WeightOnlyKernel weight_only_avx_vnni = {.name = "weight_only_3x16_avx_vnni",
                                               .isa = Isa::avx_vnni,
                                               .split = split<Digits::bytes>,
                                               .core8 = core<Quads, Tile<8, 3, 2, 4, 1>>,
                                               .core4 = core<Quads, Tile<4, 4, 1, 2, 1>>};

}  // namespace octet::kernels
