// Sixteen lanes of two registers of AVX2, for pack_vector.h; without the products of pairs.
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
  static F32 greater(F32 a, F32 b) { return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)}; }
  static F32 to_f32(S32 v) { return {_mm256_cvtepi32_ps(v.low), _mm256_cvtepi32_ps(v.high)}; }
  static S32 round(F32 v) { return {_mm256_cvtps_epi32(v.low), _mm256_cvtps_epi32(v.high)}; }
  static S32 magnitude_bits(F32 v) {
    const __m256i mask = _mm256_set1_epi32(0x7fffffff);
    return {_mm256_and_si256(_mm256_castps_si256(v.low), mask), _mm256_and_si256(_mm256_castps_si256(v.high), mask)};
  }
  static S32 greatest_bits(S32 a, S32 b) { return {_mm256_max_epi32(a.low, b.low), _mm256_max_epi32(a.high, b.high)}; }
  static F32 times_power(F32 p, F32 shifted) {
    return {times_power(p.low, shifted.low), times_power(p.high, shifted.high)};
  }
  static S32 pair(S32 low, S32 high) { return {pair(low.low, high.low), pair(low.high, high.high)}; }
  static void store_s16(std::int16_t* p, S32 v) {
    const __m256i quarters = _mm256_packs_epi32(v.low, v.high);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(quarters, 0xd8));
  }

  template <int kFrom, int kTo>
  static void transpose(const std::int16_t* from, std::int32_t* to) {
    for (int i = 0; i < 16; ++i) {
      for (int j = 0; j < 16; ++j) __builtin_memcpy(to + i * kTo + j, from + j * kFrom + 2 * i, 4);
    }
  }

  static std::int32_t fold_bits(S32 v) {
    const __m256i a = _mm256_max_epi32(v.low, v.high);
    const __m128i b = _mm_max_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
    const __m128i c = _mm_max_epi32(b, _mm_shuffle_epi32(b, 0x4e));
    return _mm_cvtsi128_si32(_mm_max_epi32(c, _mm_shuffle_epi32(c, 0xb1)));
  }
  static float fold_sum(F32 v) {
    const __m256 a = _mm256_add_ps(v.low, v.high);
    const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_add_ss(c, _mm_shuffle_ps(c, c, 1)));
  }
  static float fold_greatest(F32 v) {
    const __m256 a = _mm256_max_ps(v.low, v.high);
    const __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    const __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
    return _mm_cvtss_f32(_mm_max_ss(c, _mm_shuffle_ps(c, c, 1)));
  }

 private:
  static __m256 times_power(__m256 p, __m256 shifted) {
    const __m256i power = _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), power));
  }
  static __m256i pair(__m256i low, __m256i high) {
    return _mm256_or_si256(_mm256_and_si256(low, _mm256_set1_epi32(0xffff)), _mm256_slli_epi32(high, 16));
  }
};

}  // namespace
}  // namespace octet::kernels
