// What one thread of this machine can do: register-only loops of multiply-adds at their full rate.
#pragma once

namespace octet::bench {

/// A loop and what it does: returns how many operations (two to a multiply-add) one call runs.
struct Probe {
  const char* name;
  double (*run)();
};

/// The fastest loop of u8 x s8 products, and of float ones, that this machine has.
Probe int8_probe();
Probe float_probe();

/// Operations a second in the fastest of some calls, a few milliseconds in all.
double rate_of(const Probe& probe);

}  // namespace octet::bench
