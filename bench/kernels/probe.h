// What this machine's arithmetic units give at best right now: printed beside every measurement.
#pragma once

namespace octet::bench {

/// 256-bit fused multiply-adds of floats, and vpmaddwd with vpaddd, from registers; operations (two to a
/// multiply-add) that were done. Needs AVX2 and FMA.
double probe_fma();
double probe_madd();

}  // namespace octet::bench
