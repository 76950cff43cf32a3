#include <immintrin.h>

#include "octet/kernels/math/portable.h"

namespace octet::kernels {
namespace {

// gelu_of, its polynomials in registers: the low four bits of a lane choose among 16.
struct Gelu {
  __m512 c[5];

  Gelu() {
    for (int i = 0; i < 5; ++i) c[i] = _mm512_load_ps(kGelu[i]);
  }
  __m512 operator()(__m512 x) const {
    const __m512 sign = _mm512_set1_ps(-0.0f), scale = _mm512_set1_ps(kGeluScale), round = _mm512_set1_ps(kGeluRound);
    // As integers, which more parts of the processor compare: magnitudes have the order of their bits.
    const __m512i magnitude = _mm512_castps_si512(_mm512_andnot_ps(sign, x));
    const __m512 a = _mm512_castsi512_ps(_mm512_min_epi32(_mm512_castps_si512(_mm512_set1_ps(kGeluMost)), magnitude));
    const __m512 shifted = _mm512_fmadd_ps(a, scale, round);
    const __m512 t = _mm512_fmadd_ps(a, scale, _mm512_sub_ps(round, shifted));
    const __m512i n = _mm512_castps_si512(shifted);
    __m512 s = _mm512_permutexvar_ps(n, c[4]);
    for (int i = 3; i >= 0; --i) s = _mm512_fmadd_ps(s, t, _mm512_permutexvar_ps(n, c[i]));
    const __m512 with_sign = _mm512_or_ps(s, _mm512_and_ps(sign, x));
    return _mm512_fmadd_ps(x, with_sign, _mm512_mul_ps(_mm512_set1_ps(0.5f), x));
  }
};

void gelu(const float* x, float* y, std::int64_t count) {
  const Gelu f;
  std::int64_t i = 0;
  for (; i + 16 <= count; i += 16) _mm512_storeu_ps(y + i, f(_mm512_loadu_ps(x + i)));
  const auto rest = static_cast<__mmask16>((1u << (count - i)) - 1);
  if (i < count) _mm512_mask_storeu_ps(y + i, rest, f(_mm512_maskz_loadu_ps(rest, x + i)));
}

// Two vectors at a time: ranges of one would wait for each other.
void gelu_with_range(const float* x, float* y, std::int64_t count, float& low, float& high) {
  const Gelu f;
  __m512 lows[2] = {_mm512_set1_ps(low), _mm512_set1_ps(low)}, highs[2] = {_mm512_set1_ps(high), _mm512_set1_ps(high)};
  std::int64_t i = 0;
  for (; i + 32 <= count; i += 32) {
    for (int j = 0; j < 2; ++j) {
      const __m512 v = f(_mm512_loadu_ps(x + i + 16 * j));
      _mm512_storeu_ps(y + i + 16 * j, v);
      lows[j] = _mm512_min_ps(v, lows[j]);
      highs[j] = _mm512_max_ps(v, highs[j]);
    }
  }
  low = _mm512_reduce_min_ps(_mm512_min_ps(lows[0], lows[1]));
  high = _mm512_reduce_max_ps(_mm512_max_ps(highs[0], highs[1]));
  gelu_with_range_of(x + i, y + i, count - i, low, high);
}

}  // namespace

extern const MathTable kMathAvx512;
const MathTable kMathAvx512 = portable_table("avx512", gelu, gelu_with_range);

}  // namespace octet::kernels
