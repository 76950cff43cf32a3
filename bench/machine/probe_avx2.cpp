#include <immintrin.h>

#include "bench/machine/probe_loops.h"

namespace octet::bench {
namespace {

constexpr int kChains = 12, kRounds = 200000;

}  // namespace

double probe_fma() {
  __m256 sum[kChains];
  for (__m256& s : sum) s = _mm256_setzero_ps();
  __m256 a = _mm256_set1_ps(0.5f), b = _mm256_set1_ps(0.25f);
  for (int i = 0; i < kRounds; ++i) {
    __asm__ volatile("" : "+x"(a), "+x"(b));  // new values, as far as the compiler can tell
    for (__m256& s : sum) s = _mm256_fmadd_ps(a, b, s);
  }
  for (__m256& s : sum) __asm__ volatile("" : "+x"(s));
  return 2.0 * 8 * kChains * kRounds;
}

double probe_madd() {
  __m256i sum[kChains];
  for (__m256i& s : sum) s = _mm256_setzero_si256();
  __m256i a = _mm256_set1_epi16(3), b = _mm256_set1_epi16(5);
  for (int i = 0; i < kRounds; ++i) {
    for (__m256i& s : sum) {
      __asm__ volatile("" : "+x"(a), "+x"(b));
      s = _mm256_add_epi32(s, _mm256_madd_epi16(a, b));
    }
  }
  for (__m256i& s : sum) __asm__ volatile("" : "+x"(s));
  return 2.0 * 16 * kChains * kRounds;
}

void read_all(const void* data, std::int64_t bytes) {
  const auto* at = static_cast<const char*>(data);
  for (const char* end = at + bytes; at < end; at += 512) {
    for (int i = 0; i < 512; i += 32) {
      __m256i v = _mm256_load_si256(reinterpret_cast<const __m256i*>(at + i));
      __asm__ volatile("" : "+x"(v));  // the load happens
    }
  }
}

}  // namespace octet::bench
