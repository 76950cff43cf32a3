#include <immintrin.h>

#include "bench/machine/probe_loops.h"

namespace octet::bench {
namespace {

constexpr int kChains = 16, kRounds = 100000;

}  // namespace

double probe_fma512() {
  __m512 sum[kChains];
  for (__m512& s : sum) s = _mm512_setzero_ps();
  __m512 a = _mm512_set1_ps(0.5f), b = _mm512_set1_ps(0.25f);
  for (int i = 0; i < kRounds; ++i) {
    __asm__ volatile("" : "+v"(a), "+v"(b));
    for (__m512& s : sum) s = _mm512_fmadd_ps(a, b, s);
  }
  for (__m512& s : sum) __asm__ volatile("" : "+v"(s));
  return 2.0 * 16 * kChains * kRounds;
}

double probe_vnni512() {
  __m512i sum[kChains];
  for (__m512i& s : sum) s = _mm512_setzero_si512();
  __m512i a = _mm512_set1_epi32(3), b = _mm512_set1_epi32(5);
  for (int i = 0; i < kRounds; ++i) {
    __asm__ volatile("" : "+v"(a), "+v"(b));
    for (__m512i& s : sum) s = _mm512_dpbusd_epi32(s, a, b);
  }
  for (__m512i& s : sum) __asm__ volatile("" : "+v"(s));
  return 2.0 * 64 * kChains * kRounds;
}

void read_all512(const void* data, std::int64_t bytes) {
  const auto* at = static_cast<const char*>(data);
  for (const char* end = at + bytes; at < end; at += 512) {
    for (int i = 0; i < 512; i += 64) {
      __m512i v = _mm512_load_si512((at + i));
      __asm__ volatile("" : "+v"(v));  // the load happens
    }
  }
}

}  // namespace octet::bench
