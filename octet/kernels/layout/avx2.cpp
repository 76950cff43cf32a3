#include <immintrin.h>

#include "octet/kernels/layout/kernels.h"

namespace octet::kernels {
namespace {

// From which byte of plane `plane` each byte of output vector `part` comes; 0x80: from another plane.
struct Places {
  alignas(16) std::uint8_t at[3][3][16] = {};
  constexpr Places() {
    for (int part = 0; part < 3; ++part) {
      for (int plane = 0; plane < 3; ++plane) {
        for (int i = 0; i < 16; ++i) {
          const int place = part * 16 + i;
          at[part][plane][i] = static_cast<std::uint8_t>(place % 3 == plane ? place / 3 : 0x80);
        }
      }
    }
  }
};
constexpr Places kPlaces;

__m128i load(const std::uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }

}  // namespace

std::int64_t interleave_three_avx2(const std::uint8_t* in, std::int64_t stride, std::int64_t count,
                                   std::uint8_t* out) noexcept {
  std::int64_t done = 0;
  for (; done + 16 <= count; done += 16, out += 48) {
    const __m128i a = load(in + done), b = load(in + stride + done), c = load(in + 2 * stride + done);
    for (int part = 0; part < 3; ++part) {
      const __m128i first = _mm_shuffle_epi8(a, load(kPlaces.at[part][0]));
      const __m128i second = _mm_shuffle_epi8(b, load(kPlaces.at[part][1]));
      const __m128i third = _mm_shuffle_epi8(c, load(kPlaces.at[part][2]));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out + part * 16), _mm_or_si128(_mm_or_si128(first, second), third));
    }
  }
  return done;
}

}  // namespace octet::kernels
