// The loops behind probe.h and memory.h, in files of their instruction sets.
#pragma once

#include <cstdint>

namespace octet::bench {

double probe_fma();
double probe_madd();
double probe_fma512();
double probe_vnni512();

/// Reads all of a buffer whose size is a multiple of 512 bytes.
void read_all(const void* data, std::int64_t bytes);
void read_all512(const void* data, std::int64_t bytes);

}  // namespace octet::bench
