#include <immintrin.h>

#include "octet/kernels/math/portable.h"

namespace octet::kernels {
namespace {

// kGelu[i][n] of the low four bits of each lane: three choose in both halves of the row, the fourth between these.
inline __m256 look_up(int i, __m256i n) {
  const __m256 low = _mm256_permutevar8x32_ps(_mm256_load_ps(kGelu[i]), n);
  const __m256 high = _mm256_permutevar8x32_ps(_mm256_load_ps(kGelu[i] + 8), n);
  return _mm256_blendv_ps(low, high, _mm256_castsi256_ps(_mm256_slli_epi32(n, 28)));
}

inline __m256 gelu_of(__m256 x) {
  const __m256 sign = _mm256_set1_ps(-0.0f), scale = _mm256_set1_ps(kGeluScale), round = _mm256_set1_ps(kGeluRound);
  const __m256 a = _mm256_min_ps(_mm256_set1_ps(kGeluMost), _mm256_andnot_ps(sign, x));
  const __m256 shifted = _mm256_fmadd_ps(a, scale, round);
  const __m256 t = _mm256_fmadd_ps(a, scale, _mm256_sub_ps(round, shifted));
  const __m256i n = _mm256_castps_si256(shifted);
  __m256 s = look_up(4, n);
  for (int i = 3; i >= 0; --i) s = _mm256_fmadd_ps(s, t, look_up(i, n));
  const __m256 with_sign = _mm256_or_ps(s, _mm256_and_ps(sign, x));
  return _mm256_fmadd_ps(x, with_sign, _mm256_mul_ps(_mm256_set1_ps(0.5f), x));
}

void gelu(const float* x, float* y, std::int64_t count) {
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) _mm256_storeu_ps(y + i, gelu_of(_mm256_loadu_ps(x + i)));
  for (; i < count; ++i) y[i] = gelu_of(x[i]);
}

void gelu_with_range(const float* x, float* y, std::int64_t count, float& low, float& high) {
  __m256 lows = _mm256_set1_ps(low), highs = _mm256_set1_ps(high);
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    const __m256 v = gelu_of(_mm256_loadu_ps(x + i));
    _mm256_storeu_ps(y + i, v);
    lows = _mm256_min_ps(v, lows);
    highs = _mm256_max_ps(v, highs);
  }
  for (int j = 0; j < 8; ++j) {
    low = lows[j] < low ? lows[j] : low;
    high = highs[j] > high ? highs[j] : high;
  }
  gelu_with_range_of(x + i, y + i, count - i, low, high);
}

}  // namespace

extern const MathTable kMathAvx2;
const MathTable kMathAvx2 = portable_table("avx2", gelu, gelu_with_range);

}  // namespace octet::kernels
