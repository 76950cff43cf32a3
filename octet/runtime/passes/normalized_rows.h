// Layer normalizations that one step can compute row by row.
#pragma once

#include "octet/runtime/passes/qdq.h"

namespace octet::runtime {

/// Whether node i is a LayerNormalization of floats along the last axis with constant weight [K] and bias [K] or none,
/// whose statistics nobody reads.
bool normalizes_rows(const Edit& edit, int i);

}  // namespace octet::runtime
