// What of this family has files for instruction sets, and what other families need of it.
#pragma once

#include <cstdint>

namespace octet::kernels {

/// Pixels of three bytes: out[3 * i + r] = in[r * stride + i] for i in [0, count); returns how many were
/// done, a multiple of 16.
std::int64_t interleave_three_avx2(const std::uint8_t* in, std::int64_t stride, std::int64_t count,
                                   std::uint8_t* out) noexcept;
/// All of them, whatever may be used here.
void interleave_three(const std::uint8_t* in, std::int64_t stride, std::int64_t count, std::uint8_t* out) noexcept;

}  // namespace octet::kernels
