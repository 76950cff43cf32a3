// SHA-256 (FIPS 180-4), fed piece by piece.
//
//   Sha256 hash;
//   hash.add(bytes.data(), bytes.size());
//   std::string text = hash.hex();
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace octet {

class Sha256 {
 public:
  void add(const void* data, std::size_t size);
  void add(std::string_view text) { add(text.data(), text.size()); }
  /// The digest of all that was added; nothing can be added after.
  std::array<std::uint8_t, 32> finish();
  std::string hex();

 private:
  void block(const std::uint8_t* data);

  std::array<std::uint32_t, 8> state_{0x6a09e667u, 0xbb67ae85u, 0x3c6ef372u, 0xa54ff53au,
                                      0x510e527fu, 0x9b05688cu, 0x1f83d9abu, 0x5be0cd19u};
  std::array<std::uint8_t, 64> waiting_{};
  std::uint64_t size_ = 0;
};

}  // namespace octet
