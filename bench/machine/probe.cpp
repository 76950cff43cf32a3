#include "bench/machine/probe.h"

#include <algorithm>

#include "bench/machine/clock.h"
#include "bench/machine/probe_loops.h"
#include "octet/base/cpu.h"

namespace octet::bench {

Probe int8_probe() {
  if (isa_allowed(Isa::avx512_vnni)) return {"vpdpbusd zmm", probe_vnni512};
  return {"vpmaddwd ymm", probe_madd};
}

Probe float_probe() {
  if (isa_allowed(Isa::avx512)) return {"vfmadd zmm", probe_fma512};
  return {"vfmadd ymm", probe_fma};
}

double rate_of(const Probe& probe) {
  double best = 0;
  for (int i = 0; i < 4; ++i) {
    const double begin = now(), done = probe.run();
    best = std::max(best, done / (now() - begin));
  }
  return best;
}

}  // namespace octet::bench
