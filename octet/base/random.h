// Random numbers as torch's CPU generator draws them: mt19937; a float in [0,1) is
// (random32 & (2^24-1)) * 2^-24. Source: numerics of the torch CPU generator.
#pragma once

#include <cstdint>
#include <random>

namespace octet {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(static_cast<std::uint32_t>(seed)) {}

  std::uint32_t next_u32() { return static_cast<std::uint32_t>(engine_()); }
  /// Uniform in [0, 1), 24 bits.
  float uniform() { return static_cast<float>(next_u32() & 0xffffffu) * 0x1p-24f; }
  float uniform(float low, float high) { return uniform() * (high - low) + low; }
  /// Uniform in [low, high], both included.
  std::int64_t integer(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(next_u32() % static_cast<std::uint64_t>(high - low + 1));
  }

 private:
  std::mt19937 engine_;
};

}  // namespace octet
