// How Scatter operators combine what is there with what comes.
#pragma once

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "octet/ops/elementwise.h"

namespace octet::ops {

enum class Reduction { none, add, mul, max, min };

/// The attribute `reduction`; throws bad_input for an unknown word.
Reduction reduction_of(const EvalContext& ctx);

/// NaN wins in max and min, as everywhere in ONNX's reductions; integers wrap.
template <class T>
T combine(Reduction reduction, T old, T update) {
  if constexpr (is_half<T>) {
    if (reduction == Reduction::none) return update;
    return T(combine(reduction, static_cast<float>(old), static_cast<float>(update)));
  } else if constexpr (std::is_same_v<T, bool>) {
    switch (reduction) {
      case Reduction::add:
      case Reduction::max:
        return old || update;
      case Reduction::mul:
      case Reduction::min:
        return old && update;
      default:
        return update;
    }
  } else {
    using Wide = std::conditional_t<std::is_integral_v<T>, std::uint64_t, T>;
    switch (reduction) {
      case Reduction::add:
        return static_cast<T>(static_cast<Wide>(old) + static_cast<Wide>(update));
      case Reduction::mul:
        return static_cast<T>(static_cast<Wide>(old) * static_cast<Wide>(update));
      case Reduction::max:
        return update > old || update != update ? update : old;
      case Reduction::min:
        return update < old || update != update ? update : old;
      default:
        return update;
    }
  }
}

}  // namespace octet::ops
