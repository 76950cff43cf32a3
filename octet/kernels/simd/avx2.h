// Eight lanes of AVX2 for code written once for all vector lengths (finish_vector.h and others).
// Included only by files compiled for AVX2 or more.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace octet::kernels {
namespace {

struct Avx2 {
  static constexpr int kLanes = 8;
  using F32 = __m256;
  using S32 = __m256i;

  static F32 set(float v) { return _mm256_set1_ps(v); }
  static S32 set(std::int32_t v) { return _mm256_set1_epi32(v); }
  static F32 add(F32 a, F32 b) { return _mm256_add_ps(a, b); }
  static F32 sub(F32 a, F32 b) { return _mm256_sub_ps(a, b); }
  static F32 mul(F32 a, F32 b) { return _mm256_mul_ps(a, b); }
  static F32 div(F32 a, F32 b) { return _mm256_div_ps(a, b); }
  /// a * b + c, rounded once.
  static F32 multiply_add(F32 a, F32 b, F32 c) { return _mm256_fmadd_ps(a, b, c); }
  /// a < b ? a : b and a > b ? a : b, so b where either is NaN.
  static F32 lesser(F32 a, F32 b) { return _mm256_min_ps(a, b); }
  static F32 greater(F32 a, F32 b) { return _mm256_max_ps(a, b); }
  /// v < 0 ? a : v
  static F32 where_negative(F32 v, F32 a) {
    return _mm256_blendv_ps(v, a, _mm256_cmp_ps(v, _mm256_setzero_ps(), _CMP_LT_OQ));
  }
  static S32 add(S32 a, S32 b) { return _mm256_add_epi32(a, b); }
  static S32 sub(S32 a, S32 b) { return _mm256_sub_epi32(a, b); }
  static S32 mul(S32 a, S32 b) { return _mm256_mullo_epi32(a, b); }
  static S32 lesser(S32 a, S32 b) { return _mm256_min_epi32(a, b); }
  static S32 greater(S32 a, S32 b) { return _mm256_max_epi32(a, b); }
  static S32 bits(F32 v) { return _mm256_castps_si256(v); }
  static F32 to_f32(S32 v) { return _mm256_cvtepi32_ps(v); }
  /// Ties to even; |v| < 2^31.
  static S32 round(F32 v) { return _mm256_cvtps_epi32(v); }

  static F32 load(const float* p) { return _mm256_loadu_ps(p); }
  static S32 load(const std::int32_t* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static S32 load(const std::uint8_t* p) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  }
  static S32 load(const std::int8_t* p) {
    return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  }
  static void store(float* p, F32 v) { _mm256_storeu_ps(p, v); }
  static void store(std::int32_t* p, S32 v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  /// The low byte of each lane.
  static void store(std::uint8_t* p, S32 v) {
    const __m256i low = _mm256_shuffle_epi8(v, _mm256_set1_epi64x(0x0c080400));
    const __m128i both = _mm_unpacklo_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), both);
  }

  /// The first `count` <= kLanes; the rest is zero, or is left as it was in memory.
  template <class T>
  static auto load_some(const T* p, int count) {
    if (count == kLanes) return load(p);
    T buffer[kLanes] = {};
    for (int i = 0; i < count; ++i) buffer[i] = p[i];
    return load(buffer);
  }
  template <class T, class Vector>
  static void store_some(T* p, Vector v, int count) {
    if (count == kLanes) return store(p, v);
    T buffer[kLanes];
    store(buffer, v);
    for (int i = 0; i < count; ++i) p[i] = buffer[i];
  }
  static void store_low_bytes(std::uint8_t* p, S32 v, int count) { store_some<std::uint8_t>(p, v, count); }

  /// Bytes [0, columns) of the rows out + rows[0..count) * stride become their entries in table [256].
  static void look_up(const std::uint8_t* table, std::uint8_t* out, std::int64_t stride, const std::int64_t* rows,
                      int count, int columns) {
    for (int r = 0; r < count; ++r) {
      std::uint8_t* const p = out + rows[r] * stride;
      for (int c = 0; c < columns; ++c) p[c] = table[p[c]];
    }
  }

  /// A table of 16 floats, looked up by the low four bits of each lane.
  struct Table16 {
    F32 low, high;
  };
  static Table16 load_table(const float* p) { return {load(p), load(p + kLanes)}; }
  static F32 look_up(const Table16& t, S32 at) {
    const F32 fourth = _mm256_castsi256_ps(_mm256_slli_epi32(at, 28));
    return _mm256_blendv_ps(_mm256_permutevar8x32_ps(t.low, at), _mm256_permutevar8x32_ps(t.high, at), fourth);
  }

  /// Four vectors as 32 bytes in their order: saturate(v + zero_point), in each 16 bits of zero_point.
  struct Bytes {
    __m256i bits;
  };
  static S32 set_s16(std::int32_t v) { return _mm256_set1_epi16(static_cast<short>(v)); }
  static Bytes pack_u8(S32 a, S32 b, S32 c, S32 d, S32 zero_point) {
    const __m256i low = _mm256_adds_epi16(_mm256_packs_epi32(a, b), zero_point);
    const __m256i high = _mm256_adds_epi16(_mm256_packs_epi32(c, d), zero_point);
    const __m256i order = _mm256_set_epi32(7, 3, 6, 2, 5, 1, 4, 0);
    return {_mm256_permutevar8x32_epi32(_mm256_packus_epi16(low, high), order)};
  }
  template <int kVectors>
  static void store_vectors(std::uint8_t* p, Bytes v) {
    const __m128i first = _mm256_castsi256_si128(v.bits), second = _mm256_extracti128_si256(v.bits, 1);
    if constexpr (kVectors == 1) _mm_storel_epi64(reinterpret_cast<__m128i*>(p), first);
    if constexpr (kVectors == 2 || kVectors == 3) _mm_storeu_si128(reinterpret_cast<__m128i*>(p), first);
    if constexpr (kVectors == 3) _mm_storel_epi64(reinterpret_cast<__m128i*>(p + 16), second);
    if constexpr (kVectors == 4) _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v.bits);
  }
  static void store_some(std::uint8_t* p, Bytes v, int count) {
    alignas(32) std::uint8_t buffer[4 * kLanes];
    _mm256_store_si256(reinterpret_cast<__m256i*>(buffer), v.bits);
    for (int i = 0; i < count; ++i) p[i] = buffer[i];
  }
};

}  // namespace
}  // namespace octet::kernels
