// What the two AVX-512 files of this folder share: vectors of 32 s16 interleaved by 128-bit parts.
#pragma once

#include <immintrin.h>

namespace octet::kernels {
namespace {

struct PairsAvx512 {
  using Bits = __m512i;
  static constexpr int kLanes = 16;
  static Bits load(const void* p) { return _mm512_loadu_si512(p); }
  static void store(char* p, Bits v) { _mm512_storeu_si512(p, v); }
  static Bits low_pairs(Bits a, Bits b) { return _mm512_unpacklo_epi16(a, b); }
  static Bits high_pairs(Bits a, Bits b) { return _mm512_unpackhi_epi16(a, b); }
  // Channels 0-31 in two vectors <-> the even and the odd groups of four channels.
  static void to_parts(Bits a, Bits b, Bits& low, Bits& high) {
    low = _mm512_permutex2var_epi64(a, _mm512_set_epi64(13, 12, 9, 8, 5, 4, 1, 0), b);
    high = _mm512_permutex2var_epi64(a, _mm512_set_epi64(15, 14, 11, 10, 7, 6, 3, 2), b);
  }
  static void from_parts(Bits low, Bits high, Bits& a, Bits& b) {
    a = _mm512_permutex2var_epi64(low, _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0), high);
    b = _mm512_permutex2var_epi64(low, _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4), high);
  }
};

}  // namespace
}  // namespace octet::kernels
