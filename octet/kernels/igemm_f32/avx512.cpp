// AVX-512: as AVX2, sixteen columns to a vector and twice the rows.
#include "octet/kernels/simd/avx512.h"

#include <immintrin.h>

#include "octet/kernels/igemm/core_vector.h"
#include "octet/kernels/igemm/finish_registers.h"
#include "octet/kernels/igemm/finish_vector.h"
#include "octet/kernels/igemm_f32/kernels.h"

namespace octet::kernels {
namespace {

struct Floats {
  using Sum = __m512;
  using Weights = __m512;
  static constexpr int kLanes = 16, kWeightBytes = 64;
  static Sum zero() { return _mm512_setzero_ps(); }
  static Sum load_init(const std::int32_t*) { return zero(); }
  static Weights load_weights(const char* p) { return _mm512_loadu_ps(p); }
  static __m512 broadcast(const char* p) { return _mm512_set1_ps(*reinterpret_cast<const float*>(p)); }
  static Sum multiply_add(Sum sum, __m512 a, Weights w) { return _mm512_fmadd_ps(a, w, sum); }
  static void store(char* p, Sum sum) { _mm512_storeu_ps(p, sum); }
};

template <int kRows, int kVectors, int kSteps>
constexpr IgemmKernel tile(const char* name) {
  return {.name = name,
          .isa = Isa::avx512,
          .mr = kRows,
          .nr = kVectors * 16,
          .kr = 1,
          .a_bytes = 4,
          .acc_bytes = 4,
          .core = core<Floats, kRows, kVectors, kSteps>,
          .finish = finish<Avx512, float, kVectors * 16>,
          .row_core = row_core<Floats, kVectors>,
          .fused = choose_tile_f32<Floats, Avx512, kRows, kVectors, kSteps>};
}

}  // namespace

constinit const IgemmKernel igemm_f32_avx512[] = {tile<12, 2, 2>("igemm_f32_12x32_avx512"),
                                                  tile<8, 3, 1>("igemm_f32_8x48_avx512"),
                                                  tile<24, 1, 2>("igemm_f32_24x16_avx512")};

}  // namespace octet::kernels
