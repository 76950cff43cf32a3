// The loops behind probe.h, in files of their instruction sets.
#pragma once

namespace octet::bench {

double probe_fma();
double probe_madd();
double probe_fma512();
double probe_vnni512();

}  // namespace octet::bench
