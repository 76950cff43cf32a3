// Sixteen lanes of two registers of AVX2, for quantize_vector.h; without the products.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace octet::kernels {
namespace {

struct Lanes256 {
  struct F32 {
    __m256 low, high;
  };
  struct S32 {
    __m256i low, high;
  };

  static F32 set(float v) { return {_mm256_set1_ps(v), _mm256_set1_ps(v)}; }
  static S32 set(std::int32_t v) { return {_mm256_set1_epi32(v), _mm256_set1_epi32(v)}; }
  static F32 load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
  static S32 load(const std::int32_t* p) {
    return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)),
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + 8))};
  }
  static F32 load_some(const float* p, int count) {
    float held[16] = {};
    for (int i = 0; i < count; ++i) held[i] = p[i];
    return load(held);
  }
  static void store(float* p, F32 v) {
    _mm256_storeu_ps(p, v.low);
    _mm256_storeu_ps(p + 8, v.high);
  }
  static void store(std::int32_t* p, S32 v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v.low);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 8), v.high);
  }
  static void store_some(float* p, F32 v, int count) {
    float held[16];
    store(held, v);
    for (int i = 0; i < count; ++i) p[i] = held[i];
  }

  static F32 add(F32 a, F32 b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
  static F32 sub(F32 a, F32 b) { return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)}; }
  static F32 mul(F32 a, F32 b) { return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)}; }
  static F32 fma(F32 a, F32 b, F32 c) {
    return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
  }
  static F32 fms(F32 a, F32 b, F32 c) {
    return {_mm256_fmsub_ps(a.low, b.low, c.low), _mm256_fmsub_ps(a.high, b.high, c.high)};
  }
  static F32 greater(F32 a, F32 b) { return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)}; }
  static F32 to_f32(S32 v) { return {_mm256_cvtepi32_ps(v.low), _mm256_cvtepi32_ps(v.high)}; }
  static S32 bits(F32 v) { return {_mm256_castps_si256(v.low), _mm256_castps_si256(v.high)}; }
  static S32 magnitude_bits(F32 v) {
    const __m256i mask = _mm256_set1_epi32(0x7fffffff);
    return {_mm256_and_si256(_mm256_castps_si256(v.low), mask), _mm256_and_si256(_mm256_castps_si256(v.high), mask)};
  }
  static S32 greatest_bits(S32 a, S32 b) { return {_mm256_max_epi32(a.low, b.low), _mm256_max_epi32(a.high, b.high)}; }
  static F32 times_power(F32 p, F32 n) { return {times_power(p.low, n.low), times_power(p.high, n.high)}; }
  static S32 either(S32 a, S32 b) { return {_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)}; }
  static S32 negative(S32 v) {
    const __m256i zero = _mm256_setzero_si256();
    return {_mm256_sub_epi32(zero, v.low), _mm256_sub_epi32(zero, v.high)};
  }
  static S32 times_256(S32 v) { return {_mm256_slli_epi32(v.low, 8), _mm256_slli_epi32(v.high, 8)}; }
  static S32 second_byte(S32 v) { return {_mm256_srli_epi32(v.low, 8), _mm256_srli_epi32(v.high, 8)}; }

  static void store_bytes(char* p, S32 v) {
    const __m256i byte = _mm256_set1_epi32(0xff);
    const __m256i words = _mm256_packus_epi32(_mm256_and_si256(v.low, byte), _mm256_and_si256(v.high, byte));
    const __m256i quarters = _mm256_packus_epi16(words, words);  // lanes 0-3 and 8-11, then 4-7 and 12-15
    const __m256i ordered = _mm256_permutevar8x32_epi32(quarters, _mm256_setr_epi32(0, 4, 1, 5, 0, 4, 1, 5));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_castsi256_si128(ordered));
  }
  static void store_words(char* p, S32 v) {
    const __m256i quarters = _mm256_packs_epi32(low_word(v.low), low_word(v.high));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(quarters, 0xd8));
  }
  static S32 join_bytes(S32 a, S32 b, S32 c, S32 d) {
    return {join_bytes(a.low, b.low, c.low, d.low), join_bytes(a.high, b.high, c.high, d.high)};
  }
  static S32 join_words(S32 a, S32 b) {
    return {_mm256_blend_epi16(a.low, _mm256_slli_epi32(b.low, 16), 0xaa),
            _mm256_blend_epi16(a.high, _mm256_slli_epi32(b.high, 16), 0xaa)};
  }
  static unsigned second_bytes(S32 v) { return (none_in_second(v.low) | none_in_second(v.high) << 8) ^ 0xffff; }

  // Eight rows by eight steps for each half of the lanes.
  static void transpose(const char* from, int stride, S32 (&to)[8]) {
    __m256i half[2][8];
    for (int h = 0; h < 2; ++h) transpose(from + 8 * h * stride, stride, half[h]);
    for (int i = 0; i < 8; ++i) to[i] = {half[0][i], half[1][i]};
  }

  static void fold_sums(const F32 (&rows)[16], float* out) {
    for (int r = 0; r < 16; ++r) {
      const __m256 a = _mm256_add_ps(rows[r].low, rows[r].high);
      const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
      const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
      out[r] = _mm_cvtss_f32(_mm_add_ss(c, _mm_shuffle_ps(c, c, 1)));
    }
  }
  static void fold_greatest(const F32 (&rows)[16], float* out) {
    for (int r = 0; r < 16; ++r) {
      const __m256 a = _mm256_max_ps(rows[r].low, rows[r].high);
      const __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
      const __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
      out[r] = _mm_cvtss_f32(_mm_max_ss(c, _mm_shuffle_ps(c, c, 1)));
    }
  }
  static void fold_bits(const S32 (&rows)[16], float* out) {
    for (int r = 0; r < 16; ++r) {
      const __m256i a = _mm256_max_epi32(rows[r].low, rows[r].high);
      const __m128i b = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
      const __m128i c = _mm_max_epi32(b, _mm_shuffle_epi32(b, 0x4e));
      out[r] = _mm_cvtss_f32(_mm_castsi128_ps(_mm_max_epi32(c, _mm_shuffle_epi32(c, 0xb1))));
    }
  }

 private:
  static __m256 times_power(__m256 p, __m256 n) {
    const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
    return _mm256_mul_ps(p, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));  // NaN stays NaN
  }
  static __m256i low_word(__m256i v) { return _mm256_srai_epi32(_mm256_slli_epi32(v, 16), 16); }
  static __m256i join_bytes(__m256i a, __m256i b, __m256i c, __m256i d) {
    const __m256i odd = _mm256_set1_epi16(-256);
    const __m256i low = _mm256_blendv_epi8(a, _mm256_slli_epi32(b, 8), odd);
    const __m256i high = _mm256_blendv_epi8(_mm256_slli_epi32(c, 16), _mm256_slli_epi32(d, 24), odd);
    return _mm256_blend_epi16(low, high, 0xaa);
  }
  static unsigned none_in_second(__m256i v) {
    const __m256i none = _mm256_cmpeq_epi32(_mm256_and_si256(v, _mm256_set1_epi32(0xff00)), _mm256_setzero_si256());
    return static_cast<unsigned>(_mm256_movemask_ps(_mm256_castsi256_ps(none)));
  }
  static void transpose(const char* from, int stride, __m256i (&to)[8]) {
    __m256i pairs[8], fours[8];
    for (int i = 0; i < 8; i += 2) {
      const __m256i a = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + i * stride));
      const __m256i b = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + (i + 1) * stride));
      pairs[i] = _mm256_unpacklo_epi32(a, b);
      pairs[i + 1] = _mm256_unpackhi_epi32(a, b);
    }
    for (int i = 0; i < 8; i += 4) {
      for (int j = 0; j < 2; ++j) {
        fours[i + 2 * j] = _mm256_unpacklo_epi64(pairs[i + j], pairs[i + 2 + j]);
        fours[i + 2 * j + 1] = _mm256_unpackhi_epi64(pairs[i + j], pairs[i + 2 + j]);
      }
    }
    for (int i = 0; i < 4; ++i) {
      to[i] = _mm256_permute2x128_si256(fours[i], fours[4 + i], 0x20);
      to[4 + i] = _mm256_permute2x128_si256(fours[i], fours[4 + i], 0x31);
    }
  }
};

}  // namespace
}  // namespace octet::kernels
