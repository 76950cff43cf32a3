// How fast one thread reads from each level of memory.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace octet::bench {

/// A level and the rate at which a buffer that it holds is read; `bytes` is its size (RAM: as good as endless).
struct Level {
  std::string name;
  std::int64_t bytes;
  double bytes_per_second;
};

/// L1, L2, L3 and RAM, first to last; about a fifth of a second.
std::vector<Level> measure_levels();

/// Bytes a second in the fastest of some readings of a buffer of that size.
double read_rate(std::int64_t bytes, double seconds);

/// Reads all of a buffer of a multiple of 512 bytes, aligned to 64, as fast as one thread can.
void read_through(const void* data, std::int64_t bytes);

/// The first level that holds so many bytes.
const Level& level_of(const std::vector<Level>& levels, std::int64_t bytes);

}  // namespace octet::bench
