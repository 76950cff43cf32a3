// build/bench/machine_bench: what one thread of this machine gives right now, as one JSON object.
#include <cstdio>
#include <nlohmann/json.hpp>

#include "bench/machine/memory.h"
#include "bench/machine/probe.h"
#include "octet/base/cpu.h"

int main() {
  using namespace octet::bench;
  const Probe int8 = int8_probe(), real = float_probe();
  nlohmann::ordered_json out{{"processor", octet::cpu_name()},           {"processors", octet::usable_cpus()},
                             {"int8_gops", rate_of(int8) * 1e-9},        {"int8_loop", int8.name},
                             {"float_gflops", rate_of(real) * 1e-9},     {"float_loop", real.name},
                             {"levels", nlohmann::ordered_json::array()}};
  for (const Level& level : measure_levels()) {
    out["levels"].push_back({{"name", level.name}, {"bytes", level.bytes}, {"gbytes", level.bytes_per_second * 1e-9}});
  }
  std::puts(out.dump().c_str());
  return 0;
}
