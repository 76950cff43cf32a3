// A computed real number as an element of any number type.
#pragma once

#include <cmath>
#include <limits>
#include <type_traits>

#include "octet/ops/elementwise.h"

namespace octet::ops {

/// Integers saturate, NaN becoming the lowest; half types round to nearest even.
enum class ToInteger { round, truncate };  ///< round: to nearest even

template <class T, ToInteger kTo = ToInteger::round, class A>
T from_real(A value) {
  if constexpr (is_half<T>) {
    return T(static_cast<float>(value));
  } else if constexpr (std::is_integral_v<T>) {
    const A rounded = kTo == ToInteger::round ? std::nearbyint(value) : std::trunc(value);
    if (rounded >= static_cast<A>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
    if (!(rounded > static_cast<A>(std::numeric_limits<T>::lowest()))) return std::numeric_limits<T>::lowest();
    return static_cast<T>(rounded);
  } else {
    return static_cast<T>(value);
  }
}

/// The type to compute in: float holds every value of the smaller types exactly.
template <class T>
using RealOf = std::conditional_t<std::is_same_v<T, double> || (std::is_integral_v<T> && sizeof(T) > 2), double, float>;

}  // namespace octet::ops
