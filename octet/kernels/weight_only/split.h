// A row of floats as integers of 16 bits, in plain C++, compiled once for each instruction set (the compiler makes the
// vectors). Included only by the files of one instruction set and by the reference; everything is in an anonymous
// namespace, as they demand.
#pragma once

#include "octet/kernels/weight_only/weight_only.h"

namespace octet::kernels {
namespace {

/// What lies in the eight bytes of four q: themselves, or their digits of eight bits, q = 256 * high + low with both
/// signed, four high ones before four low ones (for instructions that sum products of four bytes).
enum class Digits { words, bytes };

constexpr float kMostSteps = 32639;  // 127 * 256 + 127: the greatest whose digits are both signed bytes
constexpr std::int64_t kStep = 8;    // K is filled up to a multiple

// The words of two fours, each four to its high and then its low digits.
inline void to_bytes(char* words, std::int64_t count) noexcept {
  typedef unsigned char Bytes __attribute__((vector_size(16)));
  typedef unsigned short Words __attribute__((vector_size(16)));
  for (std::int64_t i = 0; i < count; i += kStep, words += 2 * kStep) {
    Words v;
    __builtin_memcpy(&v, words, sizeof v);
    v = (v + 0x80) ^ 0x80;  // a low digit above 127 counts negative, and the high one takes the carry
    const auto b = reinterpret_cast<Bytes>(v);
    const Bytes ordered = __builtin_shufflevector(b, b, 1, 3, 5, 7, 0, 2, 4, 6, 9, 11, 13, 15, 8, 10, 12, 14);
    __builtin_memcpy(words, &ordered, sizeof ordered);
  }
}

// The largest magnitude, as bits, which are ordered as floats are; NaN and infinity come out as 0x7f800000 or more.
inline std::int32_t top_bits(const float* x, std::int64_t count) noexcept {
  std::int32_t top = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    std::int32_t bits;
    __builtin_memcpy(&bits, x + i, sizeof bits);
    bits &= 0x7fffffff;
    top = bits > top ? bits : top;
  }
  return top;
}

// `q` is filled up to `filled`.
inline std::int32_t round_group(const float* x, std::int64_t count, std::int64_t filled, float inverse,
                                char* q) noexcept {
  std::int32_t sum = 0;
  std::int16_t rounded[kWeightOnlyGroup] = {};
  for (std::int64_t i = 0; i < count; ++i) {
    const auto v = static_cast<std::int32_t>(__builtin_nearbyintf(x[i] * inverse));
    rounded[i] = static_cast<std::int16_t>(v);
    sum += v;
  }
  __builtin_memcpy(q, rounded, static_cast<std::size_t>(filled) * sizeof rounded[0]);
  return sum;
}

template <Digits kDigits>
void split(const float* x, std::int64_t k, std::int64_t group, char* digits, float* scale, std::int32_t* sum) noexcept {
  for (std::int64_t begin = 0; begin < k; begin += group, ++scale, ++sum) {
    const std::int64_t count = k - begin < group ? k - begin : group;
    const std::int64_t filled = (count + kStep - 1) / kStep * kStep;
    const std::int32_t bits = top_bits(x + begin, count);
    float top;
    __builtin_memcpy(&top, &bits, sizeof top);
    const bool finite = bits < 0x7f800000, zero = top < 4e-34f;  // below, the scale were subnormal
    *scale = !finite ? __builtin_nanf("") : zero ? 0 : top / kMostSteps;
    *sum = round_group(x + begin, finite ? count : 0, filled, zero ? 0 : kMostSteps / top, digits);
    if constexpr (kDigits == Digits::bytes) to_bytes(digits, filled);
    digits += 2 * filled;
  }
}

}  // namespace
}  // namespace octet::kernels
