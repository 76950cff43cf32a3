#include "bench/machine/memory.h"

#include <algorithm>
#include <fstream>
#include <limits>

#include "bench/machine/clock.h"
#include "bench/machine/probe_loops.h"
#include "octet/base/cpu.h"

namespace octet::bench {
namespace {

constexpr std::int64_t kStep = 512;

// Of one cache, as the system describes those of the first processor.
std::int64_t cache_bytes(int wanted, std::int64_t usual) {
  for (int i = 0; i < 8; ++i) {
    const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(i) + "/";
    int level = 0;
    std::int64_t kilobytes = 0;
    std::string type;
    std::ifstream(folder + "level") >> level;
    std::ifstream(folder + "type") >> type;
    std::ifstream(folder + "size") >> kilobytes;  // "32768K"
    if (level == wanted && type != "Instruction" && kilobytes > 0) return kilobytes << 10;
  }
  return usual;
}

}  // namespace

void read_through(const void* data, std::int64_t bytes) {
  static const auto read = isa_allowed(Isa::avx512) ? read_all512 : read_all;
  read(data, bytes);
}

double read_rate(std::int64_t bytes, double seconds) {
  bytes = std::max(kStep, bytes / kStep * kStep);
  std::vector<char> storage(static_cast<std::size_t>(bytes) + 64, 1);
  const char* data = storage.data() + (64 - reinterpret_cast<std::uintptr_t>(storage.data()) % 64);
  // Small buffers several times for each reading of the clock.
  const std::int64_t times = std::max<std::int64_t>(1, (std::int64_t{1} << 20) / bytes);
  double best = 0;
  const double end = now() + seconds;
  for (int round = 0; round < 3 || now() < end; ++round) {
    const double begin = now();
    for (std::int64_t i = 0; i < times; ++i) read_through(data, bytes);
    best = std::max(best, static_cast<double>(times * bytes) / (now() - begin));
  }
  return best;
}

std::vector<Level> measure_levels() {
  const std::int64_t l1 = cache_bytes(1, 32 << 10), l2 = cache_bytes(2, 1 << 20), l3 = cache_bytes(3, 32 << 20);
  // Half of a level, so that nothing else drives the buffer out of it; for memory, twice the last cache.
  return {{"L1", l1, read_rate(l1 / 2, 0.02)},
          {"L2", l2, read_rate(l2 / 2, 0.02)},
          {"L3", l3, read_rate(l3 / 2, 0.04)},
          {"RAM", std::numeric_limits<std::int64_t>::max(), read_rate(2 * l3, 0.06)}};
}

const Level& level_of(const std::vector<Level>& levels, std::int64_t bytes) {
  for (const Level& level : levels) {
    if (bytes <= level.bytes) return level;
  }
  return levels.back();
}

}  // namespace octet::bench
