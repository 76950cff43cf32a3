// AVX2: weights widened to words, four columns a register, and multiplied in pairs; a column's two sums meet at the end
// of a group.
#include "octet/kernels/simd/avx2.h"

#include <immintrin.h>

#include "octet/kernels/weight_only/core.h"
#include "octet/kernels/weight_only/kernels.h"

namespace octet::kernels {
namespace {

struct Words : Avx2 {
  using Avx2::add;
  struct Pair {
    __m256i low, high;  // of the first four columns and the last
  };
  using Sum = Pair;
  using Weights = Pair;
  static Sum zero() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
  static __m256i widen(const char* p) {
    return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static Weights load_weights(const char* p) { return {widen(p), widen(p + 16)}; }
  static void load_nibbles(const char* p, Weights& first, Weights& last) {
    const Weights both = load_weights(p);
    const __m256i nibble = _mm256_set1_epi16(15);
    first = {_mm256_and_si256(both.low, nibble), _mm256_and_si256(both.high, nibble)};
    last = {_mm256_srli_epi16(both.low, 4), _mm256_srli_epi16(both.high, 4)};
  }
  static void multiply_add(Sum& sum, const Weights& w, const char* digits) {
    long long four;
    __builtin_memcpy(&four, digits, sizeof four);
    const __m256i q = _mm256_set1_epi64x(four);
    sum.low = _mm256_add_epi32(sum.low, _mm256_madd_epi16(w.low, q));
    sum.high = _mm256_add_epi32(sum.high, _mm256_madd_epi16(w.high, q));
  }
  static void add(Sum& to, const Sum& from) {
    to.low = _mm256_add_epi32(to.low, from.low);
    to.high = _mm256_add_epi32(to.high, from.high);
  }
  static S32 total(const Sum& sum) {
    return _mm256_permute4x64_epi64(_mm256_hadd_epi32(sum.low, sum.high), 0b11011000);
  }
  static F32 multiply_add(F32 a, F32 b, F32 sum) { return _mm256_fmadd_ps(a, b, sum); }
};

}  // namespace

const WeightOnlyKernel weight_only_avx2 = {.name = "weight_only_4x8_avx2",
                                           .isa = Isa::avx2,
                                           .split = split<Digits::words>,
                                           .core8 = core<Words, Tile<8, 4, 1, 4, 1>>,
                                           .core4 = core<Words, Tile<4, 4, 1, 2, 1>>};

}  // namespace octet::kernels
