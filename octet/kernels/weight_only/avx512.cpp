// AVX-512 without VNNI: as AVX2, eight columns a register.
#include "octet/kernels/simd/avx512.h"

#include <immintrin.h>

#include "octet/kernels/weight_only/core.h"
#include "octet/kernels/weight_only/kernels.h"

namespace octet::kernels {
namespace {

struct Words : Avx512 {
  using Avx512::add;
  struct Pair {
    __m512i low, high;  // of the first eight columns and the last
  };
  using Sum = Pair;
  using Weights = Pair;
  static Sum zero() { return {_mm512_setzero_si512(), _mm512_setzero_si512()}; }
  static __m512i widen(const char* p) {
    return _mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static Weights load_weights(const char* p) { return {widen(p), widen(p + 32)}; }
  static void load_nibbles(const char* p, Weights& first, Weights& last) {
    const Weights both = load_weights(p);
    const __m512i nibble = _mm512_set1_epi16(15);
    first = {_mm512_and_si512(both.low, nibble), _mm512_and_si512(both.high, nibble)};
    last = {_mm512_srli_epi16(both.low, 4), _mm512_srli_epi16(both.high, 4)};
  }
  static void multiply_add(Sum& sum, const Weights& w, const char* digits) {
    long long four;
    __builtin_memcpy(&four, digits, sizeof four);
    const __m512i q = _mm512_set1_epi64(four);
    sum.low = _mm512_add_epi32(sum.low, _mm512_madd_epi16(w.low, q));
    sum.high = _mm512_add_epi32(sum.high, _mm512_madd_epi16(w.high, q));
  }
  static void add(Sum& to, const Sum& from) {
    to.low = _mm512_add_epi32(to.low, from.low);
    to.high = _mm512_add_epi32(to.high, from.high);
  }
  static S32 total(const Sum& sum) {
    const __m512i even = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    const __m512i odd = _mm512_set_epi32(31, 29, 27, 25, 23, 21, 19, 17, 15, 13, 11, 9, 7, 5, 3, 1);
    return _mm512_add_epi32(_mm512_permutex2var_epi32(sum.low, even, sum.high),
                            _mm512_permutex2var_epi32(sum.low, odd, sum.high));
  }
  static F32 multiply_add(F32 a, F32 b, F32 sum) { return _mm512_fmadd_ps(a, b, sum); }
};

}  // namespace

const WeightOnlyKernel weight_only_avx512 = {.name = "weight_only_4x32_avx512",
                                             .isa = Isa::avx512,
                                             .split = split<Digits::words>,
                                             .core8 = core<Words, Tile<8, 4, 2, 2, 1>>,
                                             .core4 = core<Words, Tile<4, 4, 2, 2, 1>>};

}  // namespace octet::kernels
