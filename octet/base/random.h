// Random numbers as torch's CPU generator draws them: mt19937; a float in [0,1) is
// (random32 & (2^24-1)) * 2^-24. Source: numerics of the torch CPU generator.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <optional>
#include <random>

namespace octet {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(static_cast<std::uint32_t>(seed)) {}

  std::uint32_t next_u32() { return static_cast<std::uint32_t>(engine_()); }
  std::uint64_t next_u64() {
    const std::uint64_t high = next_u32();
    return high << 32 | next_u32();
  }
  /// Uniform in [0, 1), 24 bits.
  float uniform() { return static_cast<float>(next_u32() & 0xffffffu) * 0x1p-24f; }
  float uniform(float low, float high) { return uniform() * (high - low) + low; }
  /// Uniform in [0, 1), 53 bits.
  double uniform_double() { return static_cast<double>(next_u64() & ((std::uint64_t{1} << 53) - 1)) * 0x1p-53; }
  /// Standard normal by Box and Muller; draws come in pairs, the second of which waits for the next call.
  double normal() {
    if (waiting_) {
      const double value = *waiting_;
      waiting_.reset();
      return value;
    }
    const double angle = 2 * std::numbers::pi * uniform_double();
    const double radius = std::sqrt(-2 * std::log1p(-uniform_double()));
    waiting_ = radius * std::sin(angle);
    return radius * std::cos(angle);
  }
  /// Uniform in [low, high], both included.
  std::int64_t integer(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(next_u32() % static_cast<std::uint64_t>(high - low + 1));
  }

 private:
  std::mt19937 engine_;
  std::optional<double> waiting_;
};

}  // namespace octet
