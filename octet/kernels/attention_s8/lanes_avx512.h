// Sixteen lanes of one register of AVX-512, for quantize_vector.h; without the products.
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
  static F32 fms(F32 a, F32 b, F32 c) { return _mm512_fmsub_ps(a, b, c); }
  static F32 greater(F32 a, F32 b) { return _mm512_max_ps(a, b); }
  static F32 to_f32(S32 v) { return _mm512_cvtepi32_ps(v); }
  static S32 bits(F32 v) { return _mm512_castps_si512(v); }
  static S32 magnitude_bits(F32 v) { return _mm512_and_si512(_mm512_castps_si512(v), set(0x7fffffff)); }
  static S32 greatest_bits(S32 a, S32 b) { return _mm512_max_epi32(a, b); }
  static S32 either(S32 a, S32 b) { return _mm512_or_si512(a, b); }
  static S32 negative(S32 v) { return _mm512_sub_epi32(_mm512_setzero_si512(), v); }
  static S32 times_256(S32 v) { return _mm512_slli_epi32(v, 8); }
  static S32 second_byte(S32 v) { return _mm512_srli_epi32(v, 8); }
  static F32 times_power(F32 p, F32 n) { return _mm512_scalef_ps(p, n); }
  static void store_bytes(char* p, S32 v) { _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(v)); }
  static S32 join_bytes(S32 a, S32 b, S32 c, S32 d) {
    const __m512i low = _mm512_mask_blend_epi8(0x2222222222222222, a, _mm512_slli_epi32(b, 8));
    const __m512i high = _mm512_mask_blend_epi8(0x8888888888888888, _mm512_slli_epi32(c, 16), _mm512_slli_epi32(d, 24));
    return _mm512_mask_blend_epi16(0xaaaaaaaa, low, high);
  }
  static unsigned second_bytes(S32 v) { return _mm512_test_epi32_mask(v, set(0xff00)); }

  // Each register takes 32 bytes of two rows, four rows apart: unpacked, a part of it holds a step of four rows.
  static void transpose(const char* from, int stride, S32 (&to)[8]) {
    __m512i v[8], pairs[8], fours[8];
    for (int i = 0; i < 8; ++i) {
      const char* const at = from + (i + i / 4 * 4) * stride;
      const __m256i low = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
      const __m256i high = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at + 4 * stride));
      v[i] = _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
    }
    for (int i = 0; i < 8; i += 2) {
      pairs[i] = _mm512_unpacklo_epi32(v[i], v[i + 1]);
      pairs[i + 1] = _mm512_unpackhi_epi32(v[i], v[i + 1]);
    }
    for (int i = 0; i < 8; i += 4) {
      for (int j = 0; j < 2; ++j) {
        fours[i + 2 * j] = _mm512_unpacklo_epi64(pairs[i + j], pairs[i + 2 + j]);
        fours[i + 2 * j + 1] = _mm512_unpackhi_epi64(pairs[i + j], pairs[i + 2 + j]);
      }
    }
    for (int i = 0; i < 4; ++i) {
      to[i] = _mm512_shuffle_i32x4(fours[i], fours[4 + i], 0x88);
      to[4 + i] = _mm512_shuffle_i32x4(fours[i], fours[4 + i], 0xdd);
    }
  }

  static void fold_sums(const F32 (&rows)[16], float* out) {
    _mm512_storeu_ps(out, fold_rows(rows, [](F32 a, F32 b) { return _mm512_add_ps(a, b); }));
  }
  static void fold_greatest(const F32 (&rows)[16], float* out) {
    _mm512_storeu_ps(out, fold_rows(rows, [](F32 a, F32 b) { return _mm512_max_ps(a, b); }));
  }
  static void fold_bits(const S32 (&rows)[16], float* out) {
    F32 v[16];
    for (int r = 0; r < 16; ++r) v[r] = _mm512_castsi512_ps(rows[r]);
    _mm512_storeu_ps(out, fold_rows(v, [](F32 a, F32 b) {
                       return _mm512_castsi512_ps(_mm512_max_epi32(_mm512_castps_si512(a), _mm512_castps_si512(b)));
                     }));
  }

 private:
  static __mmask16 mask(int count) { return static_cast<__mmask16>((1u << count) - 1); }

  // Two rows share a register after the first step, sixteen after the last.
  template <class Join>
  static inline __attribute__((always_inline)) F32 fold_rows(const F32 (&rows)[16], const Join& join) {
    F32 v[8];
    for (int r = 0; r < 8; ++r) {
      v[r] = join(_mm512_shuffle_f32x4(rows[r], rows[r + 8], 0x44), _mm512_shuffle_f32x4(rows[r], rows[r + 8], 0xee));
    }
    for (int r = 0; r < 4; ++r) {
      v[r] = join(_mm512_shuffle_f32x4(v[r], v[r + 4], 0x88), _mm512_shuffle_f32x4(v[r], v[r + 4], 0xdd));
    }
    for (int r = 0; r < 2; ++r) {
      const __m512d a = _mm512_castps_pd(v[r]), b = _mm512_castps_pd(v[r + 2]);
      v[r] = join(_mm512_castpd_ps(_mm512_unpacklo_pd(a, b)), _mm512_castpd_ps(_mm512_unpackhi_pd(a, b)));
    }
    const F32 all = join(_mm512_shuffle_ps(v[0], v[1], 0x88), _mm512_shuffle_ps(v[0], v[1], 0xdd));
    // A quarter holds rows 0, 2, 1 and 3 from its first; the quarters begin with rows 0, 8, 4 and 12.
    const __m512i order = _mm512_setr_epi32(0, 2, 1, 3, 8, 10, 9, 11, 4, 6, 5, 7, 12, 14, 13, 15);
    return _mm512_permutexvar_ps(order, all);
  }
};

}  // namespace
}  // namespace octet::kernels
