// Sixteen lanes of AVX-512 for code written once for all vector lengths, as avx2.h.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace octet::kernels {
namespace {

struct Avx512 {
  static constexpr int kLanes = 16;
  using F32 = __m512;
  using S32 = __m512i;

  static F32 set(float v) { return _mm512_set1_ps(v); }
  static S32 set(std::int32_t v) { return _mm512_set1_epi32(v); }
  static F32 add(F32 a, F32 b) { return _mm512_add_ps(a, b); }
  static F32 sub(F32 a, F32 b) { return _mm512_sub_ps(a, b); }
  static F32 mul(F32 a, F32 b) { return _mm512_mul_ps(a, b); }
  static F32 div(F32 a, F32 b) { return _mm512_div_ps(a, b); }
  static F32 lesser(F32 a, F32 b) { return _mm512_min_ps(a, b); }
  static F32 greater(F32 a, F32 b) { return _mm512_max_ps(a, b); }
  static F32 where_negative(F32 v, F32 a) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_LT_OQ), v, a);
  }
  static S32 add(S32 a, S32 b) { return _mm512_add_epi32(a, b); }
  static S32 sub(S32 a, S32 b) { return _mm512_sub_epi32(a, b); }
  static S32 mul(S32 a, S32 b) { return _mm512_mullo_epi32(a, b); }
  static F32 to_f32(S32 v) { return _mm512_cvtepi32_ps(v); }
  static S32 round(F32 v) { return _mm512_cvtps_epi32(v); }

  static F32 load(const float* p) { return _mm512_loadu_ps(p); }
  static S32 load(const std::int32_t* p) { return _mm512_loadu_si512(p); }
  static S32 load(const std::uint8_t* p) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static S32 load(const std::int8_t* p) {
    return _mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static void store(float* p, F32 v) { _mm512_storeu_ps(p, v); }
  static void store(std::int32_t* p, S32 v) { _mm512_storeu_si512(p, v); }
  static void store(std::uint8_t* p, S32 v) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(v));
  }
};

}  // namespace
}  // namespace octet::kernels
