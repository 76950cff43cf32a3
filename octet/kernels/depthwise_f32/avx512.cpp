#include "octet/kernels/simd/avx512.h"

#include <immintrin.h>

#include "octet/kernels/depthwise_f32/core_vector.h"
#include "octet/kernels/depthwise_f32/kernels.h"
#include "octet/kernels/igemm/depthwise_rows_vector.h"
#include "octet/kernels/igemm/finish_vector.h"

namespace octet::kernels {
namespace {

struct Floats : Avx512 {
  static F32 zero() { return _mm512_setzero_ps(); }
  static F32 multiply_add(F32 sum, F32 a, F32 w) { return _mm512_fmadd_ps(a, w, sum); }
};

// A row of a column at a time, kVectors vectors of channels.
template <int kVectors>
struct TapsOfFloats : Avx512 {
  using Sum = __m512;
  using Column = __m512;
  static constexpr int kRegisters = 32, kGroups = kVectors, kWeightBytes = 64;
  template <int kRows>
  static constexpr int parts() {
    return kRows;
  }
  struct Mask {
    __mmask16 bits[kVectors];
    explicit Mask(int channels) {
      const std::uint32_t all = ~std::uint32_t{0} >> (32 - channels);
      for (int g = 0; g < kVectors; ++g) bits[g] = static_cast<__mmask16>(all >> (16 * g));
    }
  };
  template <int kRows>
  static void load_column(const char* const* rows, const Mask& mask, Column (&out)[kRows][kVectors]) {
    for (int r = 0; r < kRows; ++r) {
      for (int g = 0; g < kVectors; ++g) out[r][g] = _mm512_maskz_loadu_ps(mask.bits[g], rows[r] + 64 * g);
    }
  }
  static Sum load_group(const float* p, int channels, int g) {
    const Mask mask(channels);
    return _mm512_maskz_loadu_ps(mask.bits[g], p + 16 * g);
  }
  static void store_group(float* p, Sum v, const Mask& mask, int g) {
    _mm512_mask_storeu_ps(p + 16 * g, mask.bits[g], v);
  }
  static void store_byte_group(std::uint8_t* p, S32 v, const Mask& mask, int g) {
    _mm_mask_storeu_epi8(p + 16 * g, mask.bits[g], _mm512_cvtepi32_epi8(v));
  }
  static Sum load_init(const std::int32_t*, int) { return _mm512_setzero_ps(); }
  static Column load_padding(const char*) { return _mm512_setzero_ps(); }
  static Column load_weights(const char* p) { return _mm512_loadu_ps(p); }
  static Sum multiply_add(Sum sum, Column a, Column w) { return _mm512_fmadd_ps(a, w, sum); }
  static void store_sums(char* p, const Sum (&sums)[kVectors]) {
    for (int g = 0; g < kVectors; ++g) _mm512_storeu_ps(p + 64 * g, sums[g]);
  }
};

constexpr DepthwiseRows kRows = depthwise_rows_f32<TapsOfFloats<2>>(&depthwise_f32_avx512[1]);
constexpr DepthwiseRows kHalfRows = depthwise_rows_f32<TapsOfFloats<1>>();

}  // namespace

constinit const IgemmKernel depthwise_f32_avx512[] = {{.name = "depthwise_f32_rows32_avx512",
                                                       .isa = Isa::avx512,
                                                       .mr = 1,
                                                       .nr = 32,
                                                       .kr = 1,
                                                       .a_bytes = 4,
                                                       .acc_bytes = 4,
                                                       .core = nullptr,
                                                       .finish = finish<Avx512, float, 32>,
                                                       .rows = &kRows},
                                                      {.name = "depthwise_f32_rows16_avx512",
                                                       .isa = Isa::avx512,
                                                       .mr = 1,
                                                       .nr = 16,
                                                       .kr = 1,
                                                       .a_bytes = 4,
                                                       .acc_bytes = 4,
                                                       .core = nullptr,
                                                       .finish = finish<Avx512, float, 16>,
                                                       .rows = &kHalfRows},
                                                      {.name = "depthwise_f32_4x32_avx512",
                                                       .isa = Isa::avx512,
                                                       .mr = 4,
                                                       .nr = 32,
                                                       .kr = 1,
                                                       .a_bytes = 4,
                                                       .acc_bytes = 4,
                                                       .core = depthwise_core<Floats, 4>,
                                                       .finish = finish<Avx512, float, 32>}};

}  // namespace octet::kernels
