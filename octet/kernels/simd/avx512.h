// Sixteen lanes of AVX-512 for code written once for all vector lengths, as avx2.h.
#pragma once

#include <immintrin.h>

#include <cstdint>

// Not where these intrinsics are emulated.
#if defined(__x86_64__) && !defined(OCTET_EMULATED_INTRINSICS)
#define OCTET_HAS_VBMI
#endif

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
  static F32 multiply_add(F32 a, F32 b, F32 c) { return _mm512_fmadd_ps(a, b, c); }
  static F32 lesser(F32 a, F32 b) { return _mm512_min_ps(a, b); }
  static F32 greater(F32 a, F32 b) { return _mm512_max_ps(a, b); }
  static F32 where_negative(F32 v, F32 a) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_LT_OQ), v, a);
  }
  static S32 add(S32 a, S32 b) { return _mm512_add_epi32(a, b); }
  static S32 sub(S32 a, S32 b) { return _mm512_sub_epi32(a, b); }
  static S32 mul(S32 a, S32 b) { return _mm512_mullo_epi32(a, b); }
  static S32 lesser(S32 a, S32 b) { return _mm512_min_epi32(a, b); }
  static S32 greater(S32 a, S32 b) { return _mm512_max_epi32(a, b); }
  static S32 bits(F32 v) { return _mm512_castps_si512(v); }
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

  /// The first `count` <= kLanes; the rest is zero, or is left as it was in memory.
  static F32 load_some(const float* p, int count) { return _mm512_maskz_loadu_ps(mask(count), p); }
  static S32 load_some(const std::int32_t* p, int count) { return _mm512_maskz_loadu_epi32(mask(count), p); }
  static S32 load_some(const std::uint8_t* p, int count) {
    return _mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(mask(count), p));
  }
  static S32 load_some(const std::int8_t* p, int count) {
    return _mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask(count), p));
  }
  static void store_some(float* p, F32 v, int count) { _mm512_mask_storeu_ps(p, mask(count), v); }
  static void store_some(std::int32_t* p, S32 v, int count) { _mm512_mask_storeu_epi32(p, mask(count), v); }
  static void store_low_bytes(std::uint8_t* p, S32 v, int count) {
    _mm_mask_storeu_epi8(p, mask(count), _mm512_cvtepi32_epi8(v));
  }

  /// Bytes [0, columns) of the rows out + rows[0..count) * stride become their entries in table [256].
  static void look_up(const std::uint8_t* table, std::uint8_t* out, std::int64_t stride, const std::int64_t* rows,
                      int count, int columns) {
#ifdef OCTET_HAS_VBMI
    if (__builtin_cpu_supports("avx512vbmi")) return look_up_vbmi(table, out, stride, rows, count, columns);
#endif
    for (int r = 0; r < count; ++r) {
      std::uint8_t* const p = out + rows[r] * stride;
      for (int c = 0; c < columns; ++c) p[c] = table[p[c]];
    }
  }

  using Table16 = F32;
  static Table16 load_table(const float* p) { return load(p); }
  static F32 look_up(Table16 table, S32 at) { return _mm512_permutexvar_ps(at, table); }

  /// Four vectors as 64 bytes in their order: saturate(v + zero_point), in each 16 bits of zero_point. |v| < 2^15 +
  /// 2^15.
  using Bytes = __m512i;
  static S32 set_s16(std::int32_t v) { return _mm512_set1_epi16(static_cast<short>(v)); }
  static Bytes pack_u8(S32 a, S32 b, S32 c, S32 d, S32 zero_point) {
    const __m512i low = _mm512_adds_epi16(_mm512_packs_epi32(a, b), zero_point);
    const __m512i high = _mm512_adds_epi16(_mm512_packs_epi32(c, d), zero_point);
    const __m512i order = _mm512_set_epi32(15, 11, 7, 3, 14, 10, 6, 2, 13, 9, 5, 1, 12, 8, 4, 0);
    return _mm512_permutexvar_epi32(order, _mm512_packus_epi16(low, high));
  }
  template <int kVectors>
  static void store_vectors(std::uint8_t* p, Bytes v) {
    if constexpr (kVectors == 1) _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_castsi512_si128(v));
    if constexpr (kVectors == 2) _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_castsi512_si256(v));
    if constexpr (kVectors == 3) store_some(p, v, 3 * kLanes);
    if constexpr (kVectors == 4) _mm512_storeu_si512(p, v);
  }
  /// The first one or two vectors to p, as many after them to q.
  template <int kVectors>
  static void store_rows(std::uint8_t* p, std::uint8_t* q, Bytes v) {
    if constexpr (kVectors == 1) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_castsi512_si128(v));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(q), _mm512_extracti32x4_epi32(v, 1));
    } else {
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_castsi512_si256(v));
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(q), _mm512_extracti64x4_epi64(v, 1));
    }
  }
  static void store_some(std::uint8_t* p, Bytes v, int count) {
    _mm512_mask_storeu_epi8(p, ~std::uint64_t{0} >> (64 - count), v);
  }

 private:
#ifdef OCTET_HAS_VBMI
  // The whole table in four registers: each half is indexed by seven bits, the eighth chooses.
  __attribute__((target("avx512vbmi"), noinline)) static void look_up_vbmi(const std::uint8_t* table, std::uint8_t* out,
                                                                           std::int64_t stride,
                                                                           const std::int64_t* rows, int count,
                                                                           int columns) {
    const __m512i a = _mm512_loadu_si512(table), b = _mm512_loadu_si512(table + 64);
    const __m512i c = _mm512_loadu_si512(table + 128), d = _mm512_loadu_si512(table + 192);
    for (int r = 0; r < count; ++r) {
      std::uint8_t* const p = out + rows[r] * stride;
      for (int i = 0; i < columns; i += 64) {
        const int left = columns - i;
        const __mmask64 some = left >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << left) - 1;
        const __m512i at = _mm512_maskz_loadu_epi8(some, p + i);
        const __m512i low = _mm512_permutex2var_epi8(a, at, b), high = _mm512_permutex2var_epi8(c, at, d);
        _mm512_mask_storeu_epi8(p + i, some, _mm512_mask_blend_epi8(_mm512_movepi8_mask(at), low, high));
      }
    }
  }
#endif
  static __mmask16 mask(int count) { return static_cast<__mmask16>((1u << count) - 1); }
};

}  // namespace
}  // namespace octet::kernels
