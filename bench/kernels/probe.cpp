#include "probe.h"

#include "octet/base/cpu.h"
#include "probe_loops.h"

namespace octet::bench {

Probe int8_probe() {
  if (isa_allowed(Isa::avx512_vnni)) return {"vpdpbusd zmm", probe_vnni512};
  return {"vpmaddwd ymm", probe_madd};
}

Probe float_probe() {
  if (isa_allowed(Isa::avx512)) return {"vfmadd zmm", probe_fma512};
  return {"vfmadd ymm", probe_fma};
}

}  // namespace octet::bench
