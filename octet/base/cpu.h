// What this processor can do, and which instruction set the kernels may use.
//   OCTET_ISA=scalar|avx2|avx_vnni|avx512|avx512_vnni caps the choice.
#pragma once

#include <string>

namespace octet {

/// Ordered: a later one may be used only where all that its kernels need is present.
enum class Isa { scalar, avx2, avx_vnni, avx512, avx512_vnni };

struct CpuFeatures {
  bool avx2 = false, fma = false, f16c = false, avx_vnni = false;
  bool avx512 = false;  ///< F, BW, DQ and VL together
  bool avx512_vnni = false, avx512_fp16 = false, avx512_bf16 = false, amx_int8 = false;
};

const CpuFeatures& cpu_features();
/// Whether this machine can execute kernels of `isa` (OCTET_ISA not considered).
bool cpu_supports(Isa isa);
/// Whether `isa` may be used: supported, and not above the cap in OCTET_ISA.
/// Throws usage when OCTET_ISA holds an unknown word.
bool isa_allowed(Isa isa);
const char* to_string(Isa isa);
std::string cpu_name();
/// Processors this process may use: the lesser of the affinity mask and the cgroup quota, at least 1.
int usable_cpus();

}  // namespace octet
