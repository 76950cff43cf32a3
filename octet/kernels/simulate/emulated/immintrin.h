// Stands in front of the compiler's <immintrin.h> when kernels are built for testing on a machine
// without their instruction set: intrinsics of AVX-512 and AVX-VNNI become SIMDe's emulation, and the
// few that SIMDe 0.7 lacks are put together here from 256-bit halves.
#pragma once
#pragma GCC system_header

#include_next <immintrin.h>

#define OCTET_EMULATED_INTRINSICS

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

namespace octet_emulated {

template <class Half>
simde__m512i each_half(const Half& half) {
  simde__m512i v;
  for (int i = 0; i < 2; ++i) {
    const __m256i part = half(i);
    __builtin_memcpy(reinterpret_cast<char*>(&v) + 32 * i, &part, 32);
  }
  return v;
}

template <class Wide>
__m256i half_of(const Wide& v, int i) {
  __m256i part;
  __builtin_memcpy(&part, reinterpret_cast<const char*>(&v) + 32 * i, 32);
  return part;
}

inline simde__m512i widen_u8(__m128i v) {
  return each_half([&](int i) { return _mm256_cvtepu8_epi32(i == 0 ? v : _mm_srli_si128(v, 8)); });
}
inline simde__m512i widen_s8(__m128i v) {
  return each_half([&](int i) { return _mm256_cvtepi8_epi32(i == 0 ? v : _mm_srli_si128(v, 8)); });
}
inline simde__m512i widen_u8_to_words(__m256i v) {
  return each_half(
      [&](int i) { return _mm256_cvtepu8_epi16(i == 0 ? _mm256_castsi256_si128(v) : _mm256_extracti128_si256(v, 1)); });
}
inline simde__m512 to_f32(simde__m512i v) {
  return simde_mm512_castsi512_ps(
      each_half([&](int i) { return _mm256_castps_si256(_mm256_cvtepi32_ps(half_of(v, i))); }));
}
inline simde__m512i round(simde__m512 v) {
  return each_half([&](int i) { return _mm256_cvtps_epi32(_mm256_castsi256_ps(half_of(v, i))); });
}
inline __m128i low_bytes(simde__m512i v) {
  std::int32_t lanes[16];
  std::int8_t bytes[16];
  __builtin_memcpy(lanes, &v, 64);
  for (int i = 0; i < 16; ++i) bytes[i] = static_cast<std::int8_t>(lanes[i]);
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
}

// Of powers that are integers.
inline simde__m512 times_power(simde__m512 v, simde__m512 power) {
  float lanes[16], powers[16];
  __builtin_memcpy(lanes, &v, 64);
  __builtin_memcpy(powers, &power, 64);
  for (int i = 0; i < 16; ++i) {
    lanes[i] = powers[i] != powers[i] ? powers[i] : __builtin_ldexpf(lanes[i], static_cast<int>(powers[i]));
  }
  __builtin_memcpy(&v, lanes, 64);
  return v;
}

/// The elements of memory that a mask names, zeros for the others.
template <class Vector, class Element>
inline Vector load_masked(unsigned long long mask, const void* p) {
  Element elements[sizeof(Vector) / sizeof(Element)] = {};
  for (std::size_t i = 0; i < sizeof(Vector) / sizeof(Element); ++i) {
    if (mask >> i & 1) elements[i] = static_cast<const Element*>(p)[i];
  }
  Vector v;
  __builtin_memcpy(&v, elements, sizeof(v));
  return v;
}
template <class Element, class Vector>
inline void store_masked(void* p, unsigned long long mask, Vector v) {
  Element elements[sizeof(Vector) / sizeof(Element)];
  __builtin_memcpy(elements, &v, sizeof(v));
  for (std::size_t i = 0; i < sizeof(Vector) / sizeof(Element); ++i) {
    if (mask >> i & 1) static_cast<Element*>(p)[i] = elements[i];
  }
}

}  // namespace octet_emulated

#define _mm512_maskz_loadu_ps octet_emulated::load_masked<simde__m512, std::int32_t>
#define _mm512_maskz_loadu_epi32 octet_emulated::load_masked<simde__m512i, std::int32_t>
#define _mm512_maskz_loadu_epi8 octet_emulated::load_masked<simde__m512i, std::int8_t>
#define _mm256_maskz_loadu_epi8 octet_emulated::load_masked<__m256i, std::int8_t>
#define _mm_maskz_loadu_epi8 octet_emulated::load_masked<__m128i, std::int8_t>
#define _mm512_mask_storeu_ps octet_emulated::store_masked<std::int32_t>
#define _mm512_mask_storeu_epi32 octet_emulated::store_masked<std::int32_t>
#define _mm512_mask_storeu_epi8 octet_emulated::store_masked<std::int8_t>
#define _mm256_mask_storeu_epi8 octet_emulated::store_masked<std::int8_t>
#define _mm_mask_storeu_epi8 octet_emulated::store_masked<std::int8_t>

#undef _mm512_cvtepu8_epi32
#define _mm512_cvtepu8_epi32 octet_emulated::widen_u8
#undef _mm512_cvtepi8_epi32
#define _mm512_cvtepi8_epi32 octet_emulated::widen_s8
#undef _mm512_cvtepu8_epi16
#define _mm512_cvtepu8_epi16 octet_emulated::widen_u8_to_words
#undef _mm512_cvtepi32_ps
#define _mm512_cvtepi32_ps octet_emulated::to_f32
#undef _mm512_cvtps_epi32
#define _mm512_cvtps_epi32 octet_emulated::round
#undef _mm512_cvtepi32_epi8
#define _mm512_cvtepi32_epi8 octet_emulated::low_bytes
// 0.7.4 aliases the masked form by mistake.
#undef _mm512_madd_epi16
#define _mm512_madd_epi16 simde_mm512_madd_epi16
#undef _mm256_dpbusd_avx_epi32
#define _mm256_dpbusd_avx_epi32 simde_mm256_dpbusd_epi32
#undef _mm256_dpbusd_epi32
#define _mm256_dpbusd_epi32 simde_mm256_dpbusd_epi32
#undef _mm256_dpwssd_avx_epi32
#define _mm256_dpwssd_avx_epi32 simde_mm256_dpwssd_epi32
#undef _mm512_shuffle_f32x4
#define _mm512_shuffle_f32x4(a, b, parts) \
  simde_mm512_castsi512_ps(simde_mm512_shuffle_i32x4(simde_mm512_castps_si512(a), simde_mm512_castps_si512(b), parts))
#undef _mm512_scalef_ps
#define _mm512_scalef_ps octet_emulated::times_power
