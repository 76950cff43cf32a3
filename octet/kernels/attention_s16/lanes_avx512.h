// Sixteen lanes of one register of AVX-512, for pack_vector.h; without the products of pairs.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace octet::kernels {
namespace {

struct Lanes512 {
  using F32 = __m512;
  using S32 = __m512i;

  static F32 set(float v) { return _mm512_set1_ps(v); }
  static S32 set(std::int32_t v) { return _mm512_set1_epi32(v); }
  static F32 load(const float* p) { return _mm512_loadu_ps(p); }
  static S32 load(const std::int32_t* p) { return _mm512_loadu_si512(p); }
  static F32 load_some(const float* p, int count) { return _mm512_maskz_loadu_ps(mask(count), p); }
  static void store(float* p, F32 v) { _mm512_storeu_ps(p, v); }
  static void store(std::int32_t* p, S32 v) { _mm512_storeu_si512(p, v); }
  static void store_some(float* p, F32 v, int count) { _mm512_mask_storeu_ps(p, mask(count), v); }

  static F32 add(F32 a, F32 b) { return _mm512_add_ps(a, b); }
  static F32 sub(F32 a, F32 b) { return _mm512_sub_ps(a, b); }
  static F32 mul(F32 a, F32 b) { return _mm512_mul_ps(a, b); }
  static F32 fma(F32 a, F32 b, F32 c) { return _mm512_fmadd_ps(a, b, c); }
  static F32 greater(F32 a, F32 b) { return _mm512_max_ps(a, b); }
  static F32 to_f32(S32 v) { return _mm512_cvtepi32_ps(v); }
  static S32 round(F32 v) { return _mm512_cvtps_epi32(v); }
  static S32 magnitude_bits(F32 v) { return _mm512_and_si512(_mm512_castps_si512(v), set(0x7fffffff)); }
  static S32 greatest_bits(S32 a, S32 b) { return _mm512_max_epi32(a, b); }
  static F32 times_power(F32 p, F32 shifted) {
    const __m512i power = _mm512_slli_epi32(_mm512_castps_si512(shifted), 23);
    return _mm512_castsi512_ps(_mm512_add_epi32(_mm512_castps_si512(p), power));
  }
  static S32 pair(S32 low, S32 high) {
    return _mm512_or_si512(_mm512_and_si512(low, set(0xffff)), _mm512_slli_epi32(high, 16));
  }
  static void store_s16(std::int16_t* p, S32 v) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(v));
  }

  // Blocks of 4 x 4 in their lanes, then the blocks.
  template <int kFrom, int kTo>
  static void transpose(const std::int16_t* from, std::int32_t* to) {
    __m512i lanes[16];
    for (int r = 0; r < 16; r += 4) {
      __m512i v[4], pairs[4];
      for (int i = 0; i < 4; ++i) v[i] = _mm512_loadu_si512(from + (r + i) * kFrom);
      for (int i = 0; i < 2; ++i) {
        pairs[i] = i == 0 ? _mm512_unpacklo_epi32(v[0], v[1]) : _mm512_unpackhi_epi32(v[0], v[1]);
        pairs[2 + i] = i == 0 ? _mm512_unpacklo_epi32(v[2], v[3]) : _mm512_unpackhi_epi32(v[2], v[3]);
      }
      for (int i = 0; i < 2; ++i) {
        lanes[r + 2 * i] = _mm512_unpacklo_epi64(pairs[i], pairs[2 + i]);
        lanes[r + 2 * i + 1] = _mm512_unpackhi_epi64(pairs[i], pairs[2 + i]);
      }
    }
    // lanes[r + i] holds columns i, i + 4, i + 8 and i + 12 of rows r to r + 3.
    for (int i = 0; i < 4; ++i) {
      const __m512i a = _mm512_shuffle_i32x4(lanes[i], lanes[4 + i], 0x88);
      const __m512i b = _mm512_shuffle_i32x4(lanes[i], lanes[4 + i], 0xdd);
      const __m512i c = _mm512_shuffle_i32x4(lanes[8 + i], lanes[12 + i], 0x88);
      const __m512i d = _mm512_shuffle_i32x4(lanes[8 + i], lanes[12 + i], 0xdd);
      _mm512_storeu_si512(to + i * kTo, _mm512_shuffle_i32x4(a, c, 0x88));
      _mm512_storeu_si512(to + (4 + i) * kTo, _mm512_shuffle_i32x4(b, d, 0x88));
      _mm512_storeu_si512(to + (8 + i) * kTo, _mm512_shuffle_i32x4(a, c, 0xdd));
      _mm512_storeu_si512(to + (12 + i) * kTo, _mm512_shuffle_i32x4(b, d, 0xdd));
    }
  }

  static std::int32_t fold_bits(S32 v) {
    const __m256i a = _mm256_max_epi32(_mm512_castsi512_si256(v), _mm512_extracti64x4_epi64(v, 1));
    const __m128i b = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    const __m128i c = _mm_max_epi32(b, _mm_shuffle_epi32(b, 0x4e));
    return _mm_cvtsi128_si32(_mm_max_epi32(c, _mm_shuffle_epi32(c, 0xb1)));
  }
  static float fold_sum(F32 v) {
    const __m256 a = _mm256_add_ps(_mm512_castps512_ps256(v), high(v));
    const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_shuffle_ps(c, c, 1)));
  }
  static float fold_greatest(F32 v) {
    const __m256 a = _mm256_max_ps(_mm512_castps512_ps256(v), high(v));
    const __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(c, _mm_shuffle_ps(c, c, 1)));
  }

 private:
  static __mmask16 mask(int count) { return static_cast<__mmask16>((1u << count) - 1); }
  static __m256 high(F32 v) { return _mm512_extractf32x8_ps(v, 1); }
};

}  // namespace
}  // namespace octet::kernels
