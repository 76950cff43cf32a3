// Ordinary operators that only move elements, prepared: where everything comes from is found once.
#pragma once

#include "octet/runtime/runtime_op.h"

namespace octet::runtime {

/// For Transpose, Slice, Expand, Split, Concat, Pad (constant) and their like with known shapes and constant
/// parameters: the move as strided copies. Null for every other node.
std::unique_ptr<PreparedStep> prepare_move(const PrepareContext& ctx);

}  // namespace octet::runtime
