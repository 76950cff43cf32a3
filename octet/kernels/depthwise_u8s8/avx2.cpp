#include "octet/kernels/simd/avx2.h"

#include <immintrin.h>

#include "octet/kernels/depthwise_u8s8/core_vector.h"
#include "octet/kernels/depthwise_u8s8/kernels.h"
#include "octet/kernels/igemm/depthwise_rows_vector.h"
#include "octet/kernels/igemm/finish_vector.h"

namespace octet::kernels {
namespace {

struct Pairs {
  using Bits = __m256i;
  static constexpr int kLanes = 8;
  static Bits load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static void store(char* p, Bits v) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v); }
  static Bits low_pairs(Bits a, Bits b) { return _mm256_unpacklo_epi16(a, b); }
  static Bits high_pairs(Bits a, Bits b) { return _mm256_unpackhi_epi16(a, b); }
  static Bits multiply_add(Bits sum, Bits a, Bits w) { return _mm256_add_epi32(sum, _mm256_madd_epi16(a, w)); }
  static void to_parts(Bits a, Bits b, Bits& low, Bits& high) {
    low = _mm256_permute2x128_si256(a, b, 0x20);
    high = _mm256_permute2x128_si256(a, b, 0x31);
  }
  static void from_parts(Bits low, Bits high, Bits& a, Bits& b) { to_parts(low, high, a, b); }
};

// Two rows of a column at a time, as s16, sixteen channels: the groups hold channels 0-3 and 4-7 of each
// 128-bit part of eight.
struct PairsOfTaps : Avx2 {
  using Sum = __m256i;
  using Column = __m256i;
  static constexpr int kRegisters = 16, kGroups = 2, kTaps = 2, kWeightBytes = 32;
  template <int kRows>
  static constexpr int parts() {
    return (kRows + 1) / 2;
  }
  struct Mask {
    explicit Mask(int) {}
  };
  template <int kRows>
  static void load_column(const char* const* rows, const Mask&, Column (&out)[parts<kRows>()][2]) {
    for (int part = 0; part < parts<kRows>(); ++part) {
      const Column a = load_words(rows[part * 2]);
      const Column b = part * 2 + 1 < kRows ? load_words(rows[part * 2 + 1]) : _mm256_setzero_si256();
      out[part][0] = _mm256_unpacklo_epi16(a, b);
      out[part][1] = _mm256_unpackhi_epi16(a, b);
    }
  }
  static Column load_words(const char* p) {
    return _mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  // All words alike: weights are zero where there is no row.
  static Column load_padding(const char* zeros) { return load_words(zeros); }
  static Sum load_init(const std::int32_t* p, int g) { return load(p + g * kLanes); }
  static Column load_weights(const char* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  static Sum multiply_add(Sum sum, Column a, Column w) { return _mm256_add_epi32(sum, _mm256_madd_epi16(a, w)); }
  static void store_sums(char* p, const Sum (&sums)[2]) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute2x128_si256(sums[0], sums[1], 0x20));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 32), _mm256_permute2x128_si256(sums[0], sums[1], 0x31));
  }
  static __m128i pack_groups(const S32 (&q)[2], S32 zero_point) {
    const __m256i words = _mm256_adds_epi16(_mm256_packs_epi32(q[0], q[1]), zero_point);
    return _mm_packus_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  }
  static __m128i set_bytes(std::uint8_t v) { return _mm_set1_epi8(static_cast<char>(v)); }
  static __m128i limit_bytes(__m128i v, __m128i low, __m128i high) { return _mm_min_epu8(_mm_max_epu8(v, low), high); }
  static void store_block(std::uint8_t* p, __m128i v, const Mask&) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), v);
  }
};

constexpr ChannelOrder<2, 2, 8> kOrder;
constexpr DepthwiseRows kRows = depthwise_rows_s32<PairsOfTaps>(kOrder.at, true);

}  // namespace

constinit const IgemmKernel depthwise_u8s8_avx2[] = {{.name = "depthwise_u8s8_rows16_avx2",
                                                      .isa = Isa::avx2,
                                                      .mr = 1,
                                                      .nr = 16,
                                                      .kr = 2,
                                                      .a_bytes = 1,
                                                      .acc_bytes = 4,
                                                      .core = nullptr,
                                                      .finish = finish<Avx2, std::int32_t, 16>,
                                                      .rows = &kRows},
                                                     {.name = "depthwise_u8s8_4x16_avx2",
                                                      .isa = Isa::avx2,
                                                      .mr = 4,
                                                      .nr = 16,
                                                      .kr = 2,
                                                      .a_bytes = 2,
                                                      .acc_bytes = 4,
                                                      .core = depthwise_core<Pairs, 4>,
                                                      .finish = finish<Avx2, std::int32_t, 16>}};

}  // namespace octet::kernels
