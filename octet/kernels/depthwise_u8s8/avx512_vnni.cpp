#include <immintrin.h>

#include "octet/kernels/depthwise_u8s8/core_vector.h"
#include "octet/kernels/depthwise_u8s8/halves.h"
#include "octet/kernels/depthwise_u8s8/kernels.h"
#include "octet/kernels/depthwise_u8s8/pairs_avx512.h"
#include "octet/kernels/depthwise_u8s8/quads.h"
#include "octet/kernels/igemm/depthwise_rows_vector.h"
#include "octet/kernels/igemm/finish_vector.h"
#include "octet/kernels/simd/avx2.h"
#include "octet/kernels/simd/avx512.h"

namespace octet::kernels {
namespace {

struct Pairs : PairsAvx512 {
  static Bits multiply_add(Bits sum, Bits a, Bits w) { return _mm512_dpwssd_epi32(sum, a, w); }
};

struct Wide : Avx512 {
  using Bits = __m512i;
  using Sum = __m512i;
  static constexpr int kRegisters = 32, kWeightBytes = 64;
  struct Mask {
    __mmask64 bits;
    explicit Mask(int channels) : bits(~std::uint64_t{0} >> (64 - channels)) {}
  };
  static Bits nothing() { return _mm512_setzero_si512(); }
  static Bits load_bytes(const char* p, const Mask& mask) { return _mm512_maskz_loadu_epi8(mask.bits, p); }
  static void interleave_bytes(Bits a, Bits b, Bits& low, Bits& high) {
    low = _mm512_unpacklo_epi8(a, b);
    high = _mm512_unpackhi_epi8(a, b);
  }
  static void interleave_pairs(Bits a, Bits b, Bits& low, Bits& high) {
    low = _mm512_unpacklo_epi16(a, b);
    high = _mm512_unpackhi_epi16(a, b);
  }
  static Bits load_weights(const char* p) { return _mm512_loadu_si512(p); }
  static Sum multiply_add(Sum sum, Bits a, Bits w) { return _mm512_dpbusd_epi32(sum, a, w); }
  // The 128-bit parts of four vectors transposed: group by group becomes channel by channel.
  static void store_sums(char* p, const Sum (&s)[4]) {
    const __m512i low = _mm512_set_epi64(11, 10, 3, 2, 9, 8, 1, 0), high = _mm512_set_epi64(15, 14, 7, 6, 13, 12, 5, 4);
    const __m512i first = _mm512_set_epi64(11, 10, 9, 8, 3, 2, 1, 0),
                  second = _mm512_set_epi64(15, 14, 13, 12, 7, 6, 5, 4);
    const __m512i a = _mm512_permutex2var_epi64(s[0], low, s[1]), b = _mm512_permutex2var_epi64(s[2], low, s[3]);
    const __m512i c = _mm512_permutex2var_epi64(s[0], high, s[1]), d = _mm512_permutex2var_epi64(s[2], high, s[3]);
    _mm512_storeu_si512(p, _mm512_permutex2var_epi64(a, first, b));
    _mm512_storeu_si512(p + 64, _mm512_permutex2var_epi64(a, second, b));
    _mm512_storeu_si512(p + 128, _mm512_permutex2var_epi64(c, first, d));
    _mm512_storeu_si512(p + 192, _mm512_permutex2var_epi64(c, second, d));
  }
  static Bits pack_words(Sum a, Sum b, S32 zero_point) {
    return _mm512_adds_epi16(_mm512_packs_epi32(a, b), zero_point);
  }
  static Bits pack_bytes(Bits first, Bits second) { return _mm512_packus_epi16(first, second); }
  static Bits set_bytes(std::uint8_t v) { return _mm512_set1_epi8(static_cast<char>(v)); }
  static Bits limit_bytes(Bits v, Bits low, Bits high) { return _mm512_min_epu8(_mm512_max_epu8(v, low), high); }
  static void store_block(std::uint8_t* p, Bits v, const Mask& mask) { _mm512_mask_storeu_epi8(p, mask.bits, v); }
};

struct Half : HalfQuads {
  static constexpr int kRegisters = 32;
  struct Mask {
    __mmask32 bits;
    explicit Mask(int channels) : bits(~std::uint32_t{0} >> (32 - channels)) {}
  };
  static Bits load_bytes(const char* p, const Mask& mask) { return _mm256_maskz_loadu_epi8(mask.bits, p); }
  static Sum multiply_add(Sum sum, Bits a, Bits w) { return _mm256_dpbusd_epi32(sum, a, w); }
  static void store_block(std::uint8_t* p, Bits v, const Mask& mask) { _mm256_mask_storeu_epi8(p, mask.bits, v); }
};

constexpr ChannelOrder<4, 4, 16> kWideOrder;
constexpr ChannelOrder<4, 2, 16> kHalfOrder;
constexpr DepthwiseRows kWideRows =
    with_halves<Quads<Wide>>(depthwise_rows_s32<Quads<Wide>>(kWideOrder.at, false, &depthwise_u8s8_avx512_vnni[1]));
constexpr DepthwiseRows kHalfRows = with_halves<Quads<Half>>(depthwise_rows_s32<Quads<Half>>(kHalfOrder.at, false));

}  // namespace

constinit const IgemmKernel depthwise_u8s8_avx512_vnni[] = {{.name = "depthwise_u8s8_rows64_avx512_vnni",
                                                             .isa = Isa::avx512_vnni,
                                                             .mr = 1,
                                                             .nr = 64,
                                                             .kr = 4,
                                                             .a_bytes = 1,
                                                             .acc_bytes = 4,
                                                             .core = nullptr,
                                                             .finish = finish<Avx512, std::int32_t, 64>,
                                                             .rows = &kWideRows},
                                                            {.name = "depthwise_u8s8_rows32_avx512_vnni",
                                                             .isa = Isa::avx512_vnni,
                                                             .mr = 1,
                                                             .nr = 32,
                                                             .kr = 4,
                                                             .a_bytes = 1,
                                                             .acc_bytes = 4,
                                                             .core = nullptr,
                                                             .finish = finish<Avx512, std::int32_t, 32>,
                                                             .rows = &kHalfRows},
                                                            {.name = "depthwise_u8s8_4x32_avx512_vnni",
                                                             .isa = Isa::avx512_vnni,
                                                             .mr = 4,
                                                             .nr = 32,
                                                             .kr = 2,
                                                             .a_bytes = 2,
                                                             .acc_bytes = 4,
                                                             .core = depthwise_core<Pairs, 4>,
                                                             .finish = finish<Avx512, std::int32_t, 32>}};

}  // namespace octet::kernels
