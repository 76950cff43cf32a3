#include "octet/kernels/simd/avx2.h"

#include <immintrin.h>

#include "octet/kernels/depthwise_f32/core_vector.h"
#include "octet/kernels/depthwise_f32/kernels.h"
#include "octet/kernels/igemm/depthwise_rows_vector.h"
#include "octet/kernels/igemm/finish_vector.h"

namespace octet::kernels {
namespace {

struct Floats : Avx2 {
  static F32 zero() { return _mm256_setzero_ps(); }
  static F32 multiply_add(F32 sum, F32 a, F32 w) { return _mm256_fmadd_ps(a, w, sum); }
};

// A row of a column at a time, 16 channels.
struct TapsOfFloats : Avx2 {
  using Sum = __m256;
  using Column = __m256;
  static constexpr int kRegisters = 16, kGroups = 2, kWeightBytes = 32;
  template <int kRows>
  static constexpr int parts() {
    return kRows;
  }
  struct Mask {
    __m256i bits[2];
    int count;
    explicit Mask(int channels) : count(channels) {
      const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
      bits[0] = _mm256_cmpgt_epi32(_mm256_set1_epi32(channels), lanes);
      bits[1] = _mm256_cmpgt_epi32(_mm256_set1_epi32(channels - 8), lanes);
    }
  };
  template <int kRows>
  static void load_column(const char* const* rows, const Mask& mask, Column (&out)[kRows][2]) {
    for (int r = 0; r < kRows; ++r) {
      const auto* p = reinterpret_cast<const float*>(rows[r]);
      out[r][0] = _mm256_maskload_ps(p, mask.bits[0]);
      out[r][1] = _mm256_maskload_ps(p + 8, mask.bits[1]);
    }
  }
  static Sum load_group(const float* p, int channels, int g) {
    const Mask mask(channels);
    return _mm256_maskload_ps(p + 8 * g, mask.bits[g]);
  }
  static void store_group(float* p, Sum v, const Mask& mask, int g) { _mm256_maskstore_ps(p + 8 * g, mask.bits[g], v); }
  static void store_byte_group(std::uint8_t* p, S32 v, const Mask& mask, int g) {
    const int left = mask.count - 8 * g;
    if (left > 0) store_low_bytes(p + 8 * g, v, left < 8 ? left : 8);
  }
  static Sum load_init(const std::int32_t*, int) { return _mm256_setzero_ps(); }
  static Column load_padding(const char*) { return _mm256_setzero_ps(); }
  static Column load_weights(const char* p) { return _mm256_loadu_ps(reinterpret_cast<const float*>(p)); }
  static Sum multiply_add(Sum sum, Column a, Column w) { return _mm256_fmadd_ps(a, w, sum); }
  static void store_sums(char* p, const Sum (&sums)[2]) {
    _mm256_storeu_ps(reinterpret_cast<float*>(p), sums[0]);
    _mm256_storeu_ps(reinterpret_cast<float*>(p) + 8, sums[1]);
  }
};

constexpr DepthwiseRows kRows = depthwise_rows_f32<TapsOfFloats>();

}  // namespace

constinit const IgemmKernel depthwise_f32_avx2[] = {{.name = "depthwise_f32_rows16_avx2",
                                                     .isa = Isa::avx2,
                                                     .mr = 1,
                                                     .nr = 16,
                                                     .kr = 1,
                                                     .a_bytes = 4,
                                                     .acc_bytes = 4,
                                                     .core = nullptr,
                                                     .finish = finish<Avx2, float, 16>,
                                                     .rows = &kRows},
                                                    {.name = "depthwise_f32_4x16_avx2",
                                                     .isa = Isa::avx2,
                                                     .mr = 4,
                                                     .nr = 16,
                                                     .kr = 1,
                                                     .a_bytes = 4,
                                                     .acc_bytes = 4,
                                                     .core = depthwise_core<Floats, 4>,
                                                     .finish = finish<Avx2, float, 16>}};

}  // namespace octet::kernels
