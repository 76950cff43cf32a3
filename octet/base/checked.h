// The one place where sizes that come from outside are multiplied and added.
#pragma once

#include <cstdint>
#include <string>

#include "octet/base/error.h"

namespace octet {

/// a * b for non-negative sizes; throws bad_input when the product does not fit 63 bits.
inline std::int64_t checked_mul(std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  if (__builtin_mul_overflow(a, b, &out)) {
    throw Error(ErrorKind::bad_input, "a size does not fit 63 bits")
        .value(std::to_string(a) + " * " + std::to_string(b));
  }
  return out;
}

/// a + b; throws bad_input on overflow.
inline std::int64_t checked_add(std::int64_t a, std::int64_t b) {
  std::int64_t out = 0;
  if (__builtin_add_overflow(a, b, &out)) {
    throw Error(ErrorKind::bad_input, "a size does not fit 63 bits")
        .value(std::to_string(a) + " + " + std::to_string(b));
  }
  return out;
}

}  // namespace octet
