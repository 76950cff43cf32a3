// Four rows of a column at a time for depthwise_rows_vector.h: the bytes of a channel side by side, so
// that one multiply-add of quads sums them. Vectors interleave by 128-bit parts, so the groups of a block
// hold channels 0-3, 4-7, 8-11 and 12-15 of each part of sixteen. Included only by the files of one
// instruction set.
#pragma once

#include <immintrin.h>

#include "octet/kernels/simd/avx2.h"

namespace octet::kernels {
namespace {

/// B says: Bits, Mask, nothing(), load_bytes(p, mask), interleave_bytes and interleave_pairs(a, b, low, high),
/// kRegisters, load_weights(p), multiply_add(sum, bits, weights), store_sums(p, sums), pack_words(a, b, zero_point),
/// pack_bytes(first, second), store_block(p, bits, mask).
template <class B>
struct Quads : B {
  using Column = typename B::Bits;
  using Bytes = typename B::Bits;
  static constexpr int kGroups = 4, kTaps = 4;
  template <int kRows>
  static constexpr int parts() {
    return (kRows + 3) / 4;
  }

  template <int kRows>
  static void load_column(const char* const* rows, const typename B::Mask& mask, Column (&out)[parts<kRows>()][4]) {
    for (int part = 0; part < parts<kRows>(); ++part) {
      Column row[4], low[2], high[2];
      for (int r = 0; r < 4; ++r) {
        row[r] = part * 4 + r < kRows ? B::load_bytes(rows[part * 4 + r], mask) : B::nothing();
      }
      B::interleave_bytes(row[0], row[1], low[0], high[0]);
      if (part * 4 + 2 < kRows) {
        B::interleave_bytes(row[2], row[3], low[1], high[1]);
      } else {
        low[1] = high[1] = B::nothing();
      }
      B::interleave_pairs(low[0], low[1], out[part][0], out[part][1]);
      B::interleave_pairs(high[0], high[1], out[part][2], out[part][3]);
    }
  }

  // All quads alike: weights are zero where there is no row.
  static Column load_padding(const char* zeros) { return B::load_weights(zeros); }
  static typename B::Sum load_init(const std::int32_t* p, int g) { return B::load(p + g * B::kLanes); }
  static Bytes pack_groups(const typename B::S32 (&q)[4], typename B::S32 zero_point) {
    return B::pack_bytes(B::pack_words(q[0], q[1], zero_point), B::pack_words(q[2], q[3], zero_point));
  }
};

/// 32 channels; loads and multiply-adds differ between AVX-512 and AVX-VNNI.
struct HalfQuads : Avx2 {
  using Bits = __m256i;
  using Sum = __m256i;
  static constexpr int kWeightBytes = 32;
  static Bits nothing() { return _mm256_setzero_si256(); }
  static Bits load_weights(const char* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static void interleave_bytes(Bits a, Bits b, Bits& low, Bits& high) {
    low = _mm256_unpacklo_epi8(a, b);
    high = _mm256_unpackhi_epi8(a, b);
  }
  static void interleave_pairs(Bits a, Bits b, Bits& low, Bits& high) {
    low = _mm256_unpacklo_epi16(a, b);
    high = _mm256_unpackhi_epi16(a, b);
  }
  // Group by group becomes channel by channel.
  static void store_sums(char* p, const Sum (&s)[4]) {
    auto* to = reinterpret_cast<__m256i*>(p);
    for (int half = 0; half < 2; ++half) {
      _mm256_storeu_si256(to + half, _mm256_permute2x128_si256(s[2 * half], s[2 * half + 1], 0x20));
      _mm256_storeu_si256(to + 2 + half, _mm256_permute2x128_si256(s[2 * half], s[2 * half + 1], 0x31));
    }
  }
  static Bits pack_words(Sum a, Sum b, S32 zero_point) {
    return _mm256_adds_epi16(_mm256_packs_epi32(a, b), zero_point);
  }
  static Bits pack_bytes(Bits first, Bits second) { return _mm256_packus_epi16(first, second); }
  static Bits set_bytes(std::uint8_t v) { return _mm256_set1_epi8(static_cast<char>(v)); }
  static Bits limit_bytes(Bits v, Bits low, Bits high) { return _mm256_min_epu8(_mm256_max_epu8(v, low), high); }
};

}  // namespace
}  // namespace octet::kernels
