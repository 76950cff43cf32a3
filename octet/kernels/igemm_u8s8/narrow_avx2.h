// The narrow kernel of AVX2 (igemm/narrow_kernel.h): tiles of up to four rows and sixteen columns. Included only by the
// file of the instruction set.
#pragma once

#include <immintrin.h>

#include <cstring>

#include "octet/kernels/igemm/narrow_kernel.h"

namespace octet::kernels {
namespace {

inline __m256i load_vector(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
inline void store_vector(void* p, __m256i v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
inline __m256i broadcast_bytes(const void* p) {
  std::int32_t quad;
  std::memcpy(&quad, p, 4);
  return _mm256_set1_epi32(quad);
}

constexpr int kNarrowRows = 4, kNarrowVectors = 2;

// kSteps steps of k, their products joined in 16 bits.
template <int kRows, int kSteps>
inline __attribute__((always_inline)) void add_steps(const char* const* rows, std::int64_t at, const char*& w,
                                                     __m256i (&sum)[kRows][kNarrowVectors]) {
  __m256i b[kSteps][kNarrowVectors];
  for (int s = 0; s < kSteps; ++s) {
    for (int v = 0; v < kNarrowVectors; ++v) b[s][v] = load_vector(w + (s * kNarrowVectors + v) * 32);
  }
  const __m256i ones = _mm256_set1_epi16(1);
  for (int m = 0; m < kRows; ++m) {
    const char* a = rows[m] + at;
    // One vector of weights is read again for each row: with it there would be one more than there are registers.
    const char* last = w + (kSteps * kNarrowVectors - 1) * 32;
    if constexpr (kRows == kNarrowRows && kSteps > 1) {
      __asm__ volatile("" : "+r"(last));
      b[kSteps - 1][kNarrowVectors - 1] = load_vector(last);
    }
    __m256i joined[kNarrowVectors];
    for (int s = 0; s < kSteps; ++s) {
      const __m256i x = broadcast_bytes(a + s * 4);
      for (int v = 0; v < kNarrowVectors; ++v) {
        const __m256i pairs = _mm256_maddubs_epi16(x, b[s][v]);
        joined[v] = s == 0 ? pairs : _mm256_add_epi16(joined[v], pairs);
      }
    }
    for (int v = 0; v < kNarrowVectors; ++v)
      sum[m][v] = _mm256_add_epi32(sum[m][v], _mm256_madd_epi16(joined[v], ones));
  }
  w += kSteps * kNarrowVectors * 32;
}

template <int kRows>
void narrow_core_of(const TileArgs& tile, void* acc) noexcept {
  __m256i sum[kRows][kNarrowVectors];
  const char* rows[kRows];
  for (int m = 0; m < kRows; ++m) {
    rows[m] = tile.row(m);
    for (int v = 0; v < kNarrowVectors; ++v) sum[m][v] = load_vector(tile.init + v * 8);
  }
  const char* w = static_cast<const char*>(tile.panel);
  for (std::int64_t t = 0; t < tile.tap_count; ++t) {
    std::int64_t at = tile.taps[t];
    const std::int64_t end = at + tile.k_steps * 4;
    for (; at + kJoinedSteps * 4 <= end; at += kJoinedSteps * 4) add_steps<kRows, kJoinedSteps>(rows, at, w, sum);
    if (at < end) add_steps<kRows, 1>(rows, at, w, sum);
  }
  for (int m = 0; m < kRows; ++m) {
    for (int v = 0; v < kNarrowVectors; ++v)
      store_vector(static_cast<std::int32_t*>(acc) + (m * kNarrowVectors + v) * 8, sum[m][v]);
  }
}

void narrow_core(const TileArgs& tile, int rows, void* acc) noexcept {
  static_assert(kNarrowRows == 4);
  switch (rows) {
    case 1:
      return narrow_core_of<1>(tile, acc);
    case 2:
      return narrow_core_of<2>(tile, acc);
    case 3:
      return narrow_core_of<3>(tile, acc);
    default:
      return narrow_core_of<4>(tile, acc);
  }
}

// The four bytes of a step of eight rows as two pairs of s16 each.
inline void spread_step(__m256i bytes, std::int16_t* out) {
  const __m256i first = _mm256_setr_epi8(0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1,  //
                                         0, -1, 1, -1, 4, -1, 5, -1, 8, -1, 9, -1, 12, -1, 13, -1);
  const __m256i second = _mm256_add_epi8(first, _mm256_set1_epi16(2));
  store_vector(out, _mm256_shuffle_epi8(bytes, first));
  store_vector(out + kSpreadRows * 2, _mm256_shuffle_epi8(bytes, second));
}

inline void spread_four_steps(const char* const* rows, std::int64_t at, std::int16_t* out) {
  __m256i v[4];
  for (int i = 0; i < 4; ++i) {
    const auto* upper = reinterpret_cast<const __m128i*>(rows[i] + at);
    const auto* lower = reinterpret_cast<const __m128i*>(rows[i + 4] + at);
    v[i] = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(upper)), _mm_loadu_si128(lower), 1);
  }
  const __m256i a = _mm256_unpacklo_epi32(v[0], v[1]), b = _mm256_unpacklo_epi32(v[2], v[3]);
  const __m256i c = _mm256_unpackhi_epi32(v[0], v[1]), d = _mm256_unpackhi_epi32(v[2], v[3]);
  const std::int64_t step = spread_size(1);
  spread_step(_mm256_unpacklo_epi64(a, b), out);
  spread_step(_mm256_unpackhi_epi64(a, b), out + step);
  spread_step(_mm256_unpacklo_epi64(c, d), out + 2 * step);
  spread_step(_mm256_unpackhi_epi64(c, d), out + 3 * step);
}

void spread(const TileArgs& tile, int rows, std::int16_t* out) noexcept {
  for (int group = 0; group < kSpreadRows; group += 8) {
    const char* row[8];
    for (int i = 0; i < 8; ++i) row[i] = tile.row(group + i < rows ? group + i : 0);
    std::int16_t* to = out + group * 2;
    for (std::int64_t t = 0; t < tile.tap_count; ++t) {
      std::int64_t at = tile.taps[t];
      const std::int64_t end = at + tile.k_steps * 4;
      for (; at + 16 <= end; at += 16, to += spread_size(4)) spread_four_steps(row, at, to);
      for (; at < end; at += 4, to += spread_size(1)) {
        alignas(32) std::int32_t bytes[8];
        for (int i = 0; i < 8; ++i) std::memcpy(bytes + i, row[i] + at, 4);
        spread_step(load_vector(bytes), to);
      }
    }
  }
}

// acc[8][16] += the transpose of sums[8][kSpreadRows].
inline void add_transposed(const std::int32_t* sums, std::int32_t* acc) {
  __m256i v[8], pairs[8], quads[8];
  for (int i = 0; i < 8; ++i) v[i] = load_vector(sums + i * kSpreadRows);
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = _mm256_unpacklo_epi32(v[i], v[i + 1]);
    pairs[i + 1] = _mm256_unpackhi_epi32(v[i], v[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    quads[i] = _mm256_unpacklo_epi64(pairs[i], pairs[i + 2]);
    quads[i + 1] = _mm256_unpackhi_epi64(pairs[i], pairs[i + 2]);
    quads[i + 2] = _mm256_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
    quads[i + 3] = _mm256_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    std::int32_t *upper = acc + i * 16, *lower = acc + (i + 4) * 16;
    store_vector(upper, _mm256_add_epi32(load_vector(upper), _mm256_permute2x128_si256(quads[i], quads[i + 4], 0x20)));
    store_vector(lower, _mm256_add_epi32(load_vector(lower), _mm256_permute2x128_si256(quads[i], quads[i + 4], 0x31)));
  }
}

void correct(const std::int16_t* spread, const Corrections& corrections, std::int32_t* acc) noexcept {
  alignas(32) std::int32_t sums[16][kSpreadRows];
  std::int32_t i = 0;
  for (int c = 0; c < 16; ++c) {
    __m256i upper = _mm256_setzero_si256(), lower = _mm256_setzero_si256();
    for (; i < corrections.ends[c]; ++i) {
      const Correction& correction = corrections.list[i];
      const char* x = reinterpret_cast<const char*>(spread) + correction.at;
      const __m256i w = broadcast_bytes(correction.weights);
      upper = _mm256_add_epi32(upper, _mm256_madd_epi16(load_vector(x), w));
      lower = _mm256_add_epi32(lower, _mm256_madd_epi16(load_vector(x + 32), w));
    }
    store_vector(sums[c], upper);
    store_vector(sums[c] + 8, lower);
  }
  for (int c = 0; c < 16; c += 8) {
    add_transposed(sums[c], acc + c);
    add_transposed(sums[c] + 8, acc + 8 * 16 + c);
  }
}

}  // namespace
}  // namespace octet::kernels
